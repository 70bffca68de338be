"""Folding tables: characters that a Japanese reader takes for one another, as one character.

Each group is the form that stands for all, followed by the forms it stands for. The tables are our own and general:
old and variant forms that occur in names and official titles, simplified forms of everyday characters, radicals of
text copied out of PDFs, and letters of other scripts that look Latin. A form may not stand both as one that is kept
and as one that is replaced; the tests check it.
"""

from __future__ import annotations

import re

# Kyujitai and variant forms (jinmeiyo tables, ministry name-registration forms) and simplified Chinese.
_KANJI = """
亜亞亚 悪惡恶 圧壓压 囲圍围 医醫 為爲为 壱壹 隠隱隐 栄榮荣 営營营 衛衞卫 駅驛驿 円圓圆 塩鹽盐 応應应 桜櫻樱 欧歐 横橫
穏穩稳 仮假 価價价 画畫 会會 壊壞坏 拡擴扩 覚覺觉 学學 岳嶽 楽樂乐 勧勸劝 巻卷 歓歡欢 観觀观 関關关 陥陷 韓韩 顔顏颜
願愿 気氣气 帰歸归 亀龜龟 犠犧 旧舊 拠據据 挙擧举 虚虛 峡峽 挟挾 狭狹 郷鄕乡 暁曉晓 区區 駆驅驱 勲勳 薫薰 径徑 恵惠
渓溪 経經经 継繼继 茎莖 蛍螢萤 軽輕轻 鶏鷄鸡 芸藝艺 撃擊击 県縣县 倹儉 剣劍剑 圏圈 検檢检 権權权 献獻 研硏 険險险
顕顯显 験驗验 厳嚴严 広廣广 効效 恒恆 黄黃 鉱鑛矿砿 号號 国國囯 黒黑 済濟济 砕碎 歳歲岁 剤劑剂 殺杀 雑雜杂 参參叁 惨慘
桟棧 蚕蠶 賛贊赞 残殘 糸絲丝 歯齒齿 児兒儿 辞辭 湿濕 実實实 写寫 釈釋释 寿壽 収收 従從从 渋澁 獣獸兽 縦縱纵 粛肅肃
処處处 緒緖绪 諸诸 叙敍 奨奬奖 将將 焼燒烧 証證证 乗乘 条條 状狀 剰剩 浄淨净 畳疊 譲讓让 醸釀酿 嬢孃 触觸 嘱囑 真眞
寝寢 慎愼 尽盡 図圖图 粋粹 酔醉 随隨 髄髓 数數 枢樞 声聲 斉齊齐斎齋斋 静靜 摂攝摄 窃竊 専專专 戦戰战 浅淺 潜潛 銭錢钱
践踐 繊纖纤 禅禪 双雙 壮壯 捜搜 挿插 争爭 総總总 聡聰聪 荘莊庄 装裝 蔵藏 臓臟 属屬 続續续 堕墮 対對对 体體 帯帶带 滞滯
台臺 択擇择 沢澤泽 担擔 胆膽 団團团 弾彈弹 断斷 遅遲迟 昼晝 虫蟲 鋳鑄 庁廳厅 聴聽听 徴徵 懲惩 鎮鎭镇 逓遞 鉄鐵铁
転轉转 点點 伝傳传 党黨 当當 東东 灯燈 盗盜 稲稻 闘鬭斗 独獨 読讀读 届屆 縄繩绳 弐貳 脳腦脑 悩惱恼 覇霸 拝拜 廃廢废
売賣卖 発發发 抜拔 晩晚 蛮蠻 秘祕 浜濱濵滨 賓宾 瓶甁 払拂 仏佛 併倂 並竝并 辺邊邉 変變变 弁辨瓣辯辧 舗舖 歩步 豊豐丰
褒襃 宝寶 翻飜 毎每 万萬 満滿满 黙默 訳譯译 薬藥药 与與 予豫 余餘 誉譽 揺搖 様樣样 謡謠 来來 頼賴赖 乱亂 覧覽览 竜龍龙
両兩两 猟獵 緑綠绿 塁壘 涙淚 類类 励勵 礼禮 霊靈灵 齢齡龄 隷隸 暦曆 歴歷历 恋戀 練练 錬鍊 炉爐 労勞劳 郎郞 録錄录 湾灣
高髙 崎﨑嵜碕 徳德 吉𠮷 館舘馆 島嶋嶌岛 峰峯 富冨 桑桒 柳栁 土圡 鴎鷗鸥 薮藪 桧檜 曽曾 槙槇 瑶瑤 尭堯 凛凜 晋晉 隣鄰邻
裏裡 略畧 群羣 秋穐 杉椙 穂穗 弥彌 部郶 閣阁 節节 郵邮 農农 産產产 業业 務务 員员 長长 議议 論论 記记 計计 訓训 託托
訪访 設设 許许 評评 診诊 試试 詳详 語语 誤误 説說说 課课 調调 談谈 請请 講讲 謝谢 識识 護护 財财 貨货 販贩 責责 貯贮
貿贸 費费 資资 賃赁 質质 購购 贈赠 車车 軍军 輸输 連连聯联 運运 進进 達达 違违 遠远 適适 選选 遺遗 還还 銀银 鋼钢 鍵键
鏡镜 門门 開开 間间 閉闭 際际 陸陆 階阶 陽阳 陰阴 難难 雲云 電电 頁页 項项 順顺 預预 領领 頭头 題题 額额 風风 飛飞
飲饮 飯饭 養养 馬马 驚惊 魚鱼 鮮鲜 鳥鸟 麦麥 麺麵 見见 規规 視视 親亲 訂订 紅红 紀纪 約约 納纳 純纯 紙纸 級级 紛纷
細细 終终 組组 結结 絡络 給给 統统 絵繪绘 維维 網网 線线 締缔 編编 緊紧 縮缩 績绩 織织 職职 聞闻 脅胁 興兴 術术 補补
複复 製制 認认 誌志 個个 備备 優优 億亿 側侧 偵侦 傷伤 債债 勝胜 動动 協协 単單单 嘆叹 園园 場场 墳坟 壇坛 奪夺 婦妇
孫孙 寧宁 導导 層层 岡冈 師师 幣币 幹干 庫库 張张 強强 後后 憲宪 態态 慶庆 戸戶户 損损 揮挥 敗败 敵敌 時时 暫暂 書书
極极 構构 標标 機机 橋桥 檔档 決决 沖冲 没沒 況况 減减 測测 湯汤 準准 漁渔 漢汉 潔洁 災灾 無无 熱热 爾尔 環环 現现
療疗 監监 盤盘 確确 礎础 禍祸 種种 積积 競竞 筆笔 簡简 範范 築筑 軌轨 鈴铃 陳陈 離离 韻韵 頑顽 駐驻 義义 習习 聖圣
葉叶 衆众 訴诉 詐诈 勢势 異异 華华 倫伦 偉伟 傑杰 創创 劇剧 勅敕 匯汇 厭厌 呉吴 問问 喚唤 嗚呜 噴喷 執执 報报 告吿
内內 税稅 教敎 清淸 青靑 増增 温溫 掲揭 即卽 既旣 尚尙 姫姬 奥奧 脱脫 悦悅 奮奋 姉姊 娯娱 婁娄 審审 寛寬宽 尋寻 屡屢
巣巢 帥帅 帳帐 年秊 廟庙 徹彻 恥耻 慣惯 憤愤 憶忆 懐懷怀 捨舍 掃扫 揚扬 換换 撲扑 擬拟 擁拥 敏勄 斬斩 曇昙 棄弃 棟栋
楊杨 槍枪 樹树 欄栏 殻殼壳 淵渊 渇渴 涼凉 溝沟 滅灭 潤润 濁浊 灑洒 炎炏 煙烟 牽牵 猶犹 獄狱 瑪玛 畝亩 盧卢 瞭了 碩硕
禎祯 禿秃 稿稾 穀谷 窮穷 窯窑 籤签 糞粪 糧粮 紹绍 紳绅 絞绞 絹绢 綱纲 綿绵 縁緣缘 縫缝 繰缲 罰罚 羅罗 翹翘 腫肿 腸肠
膚肤 艦舰 芻刍 蒼苍 蓋盖 蘇苏 蘭兰 虜虏 虧亏 蝕蚀 襲袭 誇夸 誘诱 誕诞 誠诚 諜谍 諾诺 謀谋 謁谒 譜谱 賊贼 賠赔 賦赋
賢贤 賭赌 贓赃 趙赵 跡迹 軒轩 較较 載载 輝辉 輩辈 輪轮 轄辖 轟轰 遜逊 遷迁 鄭郑 鋭锐 鋒锋 錯错 鎖锁 鐘钟 閑闲 閥阀
閲阅 闇暗 陣阵 隊队 隕陨 霧雾 韋韦 響响 頂顶 頃顷 須须 頻频 頓顿 顧顾 飢饥 飽饱 飾饰 餓饿 騎骑 騒騷骚 驕骄 鬱郁 鯨鲸
鳴鸣 貢贡 賀贺 貧贫 貫贯 負负 貴贵 買买 贅赘 訟讼 詞词 詩诗 話话 該该 誰谁 諮谘 謎谜 譴谴 鑑鑒鉴 針针 鈍钝 鉛铅 銃铳
銅铜 錠锭 鎌镰 鍛锻 閃闪 閏闰 闊阔
"""

# Radicals that NFKC leaves as they are (CJK Radicals Supplement).
_RADICALS = """
人⺅ 刀⺉ 小⺌⺍ 己⺒ 心⺖⺗ 手⺘ 攴⺙ 旡⺛ 日⺜ 月⺝⺼ 歹⺞ 母⺟ 民⺠ 水⺡⺢ 火⺣ 爪⺤⺥ 犬⺨ 王⺩ 目⺫
示⺬⺭ 竹⺮ 糸⺯⺰ 網⺱⺲⺳⺴⺵ 羊⺶⺷⺸ 老⺹ 聿⺻ 臼⺽ 艸⺾⺿⻀ 虎⻁ 衣⻂ 西⻃⻄ 見⻅ 角⻆⻇ 言⻈ 貝⻉ 足⻊
車⻋ 辶⻌⻍⻎ 邑⻏ 金⻐ 長⻑⻒⻓ 門⻔ 阜⻕⻖ 雨⻗ 青⻘ 韋⻙ 頁⻚ 風⻛ 飛⻜ 食⻝⻞⻟⻠ 首⻡ 馬⻢ 骨⻣ 鬼⻤ 魚⻥
鳥⻦ 鹵⻧ 麦⻨ 黄⻩ 黽⻪ 斉⻫⻬ 歯⻭⻮ 竜⻯⻰⻱ 亀⻲
"""

# Katakana, already folded to hiragana, and the kanji written in their place.
_LOOK_ALIKES = "か力 ろ口囗 た夕 え工 は八 と卜 に二 ち千 ぬ又 む厶 ひ匕 の丿"

# Small kana are often written large (half-width data entry has lost them); sounds that today are written alike.
_KANA = "あぁ いぃゐ うぅ えぇゑ おぉ かゕ けゖ つっ やゃ ゆゅ よょ わゎ じぢ ずづ"

# After casefold: Cyrillic, Greek, Armenian and phonetic letters that look like Latin ones.
_LATIN = """
aаαɑᴀ bвβʙ cсϲᴄ dԁᴅ eеεєҽᴇ fꜰ gɡցɢ hһнηʜ iіιıɩɪ jјϳᴊ kкκᴋ lӏʟ mмμᴍ nոոɴ oоοօσᴏ pрρᴘ qԛ rгʀ sѕꜱ tтτᴛ uυսᴜ vνѵᴠ
wԝωᴡ xхχ yуγүʏ zζᴢ
"""


def _table(groups: str) -> dict[str, str]:
    return {form: group[0] for group in groups.split() for form in group[1:] if form != group[0]}


KANJI_FORMS = _table(_KANJI) | _table(_RADICALS)
LATIN_FORMS = _table(_LATIN)
KANA_FORMS = _table(_KANA)
LOOK_ALIKES = _table(_LOOK_ALIKES)

DASHES = "-‐‑‒–—―−─━ｰ⁃﹣－﹘〜～~∼〰⸺⸻㇐"
COLONS = "∶꞉ː᛬"

# Words of Japanese titles with several lawful spellings, with kana folded; honorifics and okurigana go afterwards.
SPELLINGS = {
    "に就いて": "について", "に付いて": "について", "につきまして": "について", "に付きまして": "について",
    "しらせ": "知らせ", "報せ": "知らせ", "ねがい": "願い", "下さい": "ください", "致し": "いたし", "頂": "いただ",
    "有難う": "ありがとう", "有り難う": "ありがとう", "宜しく": "よろしく", "御座います": "ございます",
    "申し上げ": "申しあげ", "の程": "のほど", "の為": "のため", "の事": "のこと",
    "及び": "および", "並びに": "ならびに", "或いは": "あるいは", "但し": "ただし",
    "更に": "さらに", "為に": "ために", "等の": "などの",
    "申しこみ": "申し込み", "合わせ": "合せ", "積もり": "積り", "見なおし": "見直し",
    "ごらん": "ご覧", "あんない": "案内",
    "ゔあ": "ば", "ゔい": "び", "ゔえ": "べ", "ゔお": "ぼ", "ゔゆ": "びゆ", "ゔ": "ぶ",
}  # fmt: skip

# Kana that a title writes or leaves out between the kanji of a compound and at its end: 申し込み, 申込み and 申込 are
# one word. に, へ and て are left alone: they are particles.
OKURIGANA = "[りみきしいちぎびけえれめせげ]"
PARTICLES = "のをにはがでとへもやか"

# Legal forms as they are abbreviated in brackets.
LEGAL_FORMS = {
    "株": "株式会社", "有": "有限会社", "社": "社団法人", "財": "財団法人", "独": "独立行政法人", "学": "学校法人",
    "医": "医療法人", "福": "社会福祉法人", "宗": "宗教法人", "資": "合資会社", "名": "合名会社", "合": "合同会社",
    "公財": "公益財団法人", "公社": "公益社団法人", "一財": "一般財団法人", "一社": "一般社団法人",
    "独法": "独立行政法人", "国研": "国立研究開発法人",
}  # fmt: skip

_DIGITS = {char: value for value, char in enumerate("〇一二三四五六七八九")} | {"零": 0, "壱": 1, "弐": 2, "参": 3}
_TENS = {"十": 10, "百": 100}
_ROMAN = {
    "i": "1",
    "ii": "2",
    "iii": "3",
    "iv": "4",
    "v": "5",
    "vi": "6",
    "vii": "7",
    "viii": "8",
    "ix": "9",
    "x": "10",
}
NUMERAL = re.compile(
    "(?:(?<=第)(?:[〇零一二三四五六七八九十百壱弐参]+|[ivx]{1,4}(?![a-z]))"
    "|[〇零一二三四五六七八九十百]+(?=[回号年月日期次版条項度]))"
)


def numeral(match: re.Match[str]) -> str:
    """A Japanese or Roman numeral as digits: 二十四 and 二四 are both 24."""
    text = match.group()
    if text.isascii():
        return _ROMAN.get(text, text)
    if not any(char in _TENS for char in text):
        return "".join(str(_DIGITS[char]) for char in text)
    total, digit = 0, 0
    for char in text:
        if char in _TENS:
            total, digit = total + max(digit, 1) * _TENS[char], 0
        else:
            digit = _DIGITS[char]
    return str(total + digit)
