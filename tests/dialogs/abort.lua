-- RSET in the middle of a mail: the next mail starts anew and is answered for itself.
conn = mt.connect(socket)
if conn == nil then error("cannot connect") end
mt.conninfo(conn, "client.example.net", "192.0.2.1")
mt.helo(conn, "client.example.net")
mt.mailfrom(conn, "<a@example.net>")
mt.rcptto(conn, "<quarantine@example.jp>")
mt.header(conn, "From", " a@example.net")
mt.abort(conn)
mt.mailfrom(conn, "<>")
mt.rcptto(conn, "<ok@example.jp>")
mt.header(conn, "From", " b@example.net")
mt.eoh(conn)
if mt.eom(conn) ~= nil then error("eom") end
if mt.getreply(conn) ~= SMFIR_ACCEPT then error("what was reset came back") end
mt.disconnect(conn)
