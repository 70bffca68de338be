/*
 A PDF that speaks of a recruitment survey and acts by itself when opened. In the public case of 2012 the report of a
 real survey was shown while the computer was infected. The title stands as UTF-16BE (as PDF writes Japanese text) or
 UTF-8; the report gives no file, so this describes the trait and no sample.
*/
rule recruitment_survey_decoy
{
    meta:
        name = "Recruitment survey report as decoy: PDF that acts"
        description = "A PDF about a recruitment survey with launch or JavaScript started on opening"
        source = "npa-2012h1"
        reference = "https://www.npa.go.jp/"
        tlp = "TLP:CLEAR"
        confidence = 70
        severity = "targeted"
        valid_from = "2012-09-06T00:00:00+00:00"
        valid_until = "2032-09-06T00:00:00+00:00"
        modified = "2012-09-06T00:00:00+00:00"

    strings:
        $saiyo_16 = { 63 A1 75 28 }
        $chosa_16 = { 8A BF 67 FB }
        $saiyo_8 = "採用"
        $chosa_8 = "調査"
        $opens = /\/(OpenAction|AA)\b/
        $acts = /\/(Launch|JavaScript|JS)\b/

    condition:
        uint32be(0) == 0x25504446
        and (($saiyo_16 and $chosa_16) or ($saiyo_8 and $chosa_8))
        and $opens and $acts
}
