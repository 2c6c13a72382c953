"""A small exchange over TLS for the two bots beside it: orders, and what can go wrong with them.

usage: exchange.py FOLDER FAULT...    a fault for each order in turn: ok, lost, refused, part, kill

FOLDER has cert.pem and key.pem. The port is written to FOLDER/port, each order that was taken is a line
of FOLDER/orders. `lost` takes the order and gives no answer, `kill` takes it and kills the bot.
"""
import http.server, json, os, signal, ssl, sys, threading

folder, faults = sys.argv[1], sys.argv[2:]
orders, lock = {}, threading.Lock()


class Exchange(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, **body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(text)
        self.close_connection = True

    def do_GET(self):
        order = orders.get(self.path.rpartition("/")[2])
        self.answer(200, **order) if order else self.answer(404, error="no such order")

    def do_POST(self):
        order = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with lock:
            fault = faults.pop(0) if faults else "ok"
            if fault == "refused":
                return self.answer(400, error="LOT_SIZE")
            if order["id"] in orders:
                return self.answer(409, error="this id was used before")
            filled = float(order["quantity"]) / (2 if fault == "part" else 1)
            orders[order["id"]] = {"order": str(71000 + len(orders)), "filled": str(filled), "value": str(filled * 100),
                                   "state": "open" if fault == "part" else "filled"}
            with open(folder + "/orders", "a") as log:
                log.write("%s %s %s\n" % (order["symbol"], order["quantity"], order["id"]))
        if fault == "kill":
            os.kill(int(self.headers["X-Pid"]), signal.SIGKILL)
        if fault in ("lost", "kill"):
            self.close_connection = True
            return None
        return self.answer(200, **orders[order["id"]])

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Exchange)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(folder + "/cert.pem", folder + "/key.pem")
server.socket = context.wrap_socket(server.socket, server_side=True)
with open(folder + "/port.new", "w") as port:
    port.write(str(server.server_address[1]))
os.rename(folder + "/port.new", folder + "/port")
server.serve_forever()
