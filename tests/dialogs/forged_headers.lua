-- Forged headers of our prefix are removed by name and number, and ours are added.
conn = mt.connect(socket)
if conn == nil then error("cannot connect") end
if mt.conninfo(conn, "client.example.net", "192.0.2.1") ~= nil then error("conninfo") end
mt.helo(conn, "client.example.net")
mt.macro(conn, SMFIC_MAIL, "i", "Q1")
if mt.mailfrom(conn, "<a@example.net>") ~= nil then error("mailfrom") end
if mt.rcptto(conn, "<ok@example.jp>") ~= nil then error("rcptto") end
mt.header(conn, "From", " a@example.net")
mt.header(conn, "X-Sekisho-Action", " accept")
mt.header(conn, "x-sekisho-action", " accept")
mt.eoh(conn)
mt.bodystring(conn, "body\r\n")
if mt.eom(conn) ~= nil then error("eom") end
if mt.getreply(conn) ~= SMFIR_ACCEPT then error("not accepted") end
if not mt.eom_check(conn, MT_HDRDELETE, "X-Sekisho-Action", 2) then error("the second one stays") end
if not mt.eom_check(conn, MT_HDRADD, "X-Sekisho-Action") then error("ours is missing") end
mt.disconnect(conn)
