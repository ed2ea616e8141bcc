# shellcheck shell=bash
# For programs of this folder that root runs (tests/install-and -r), since they change what is
# registered: another user for what they try, and an https server on loopback; sourced.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
chmod 755 "$work"
mkdir -m 777 "$work/plain"
cd "$work/plain" || exit 1

plain()
{
    setpriv --reuid plain --regid "$(id -g plain)" --clear-groups --inh-caps=-all \
        env HOME=/home/plain LC_ALL=C "$@"
}

# make_certificates: an authority's, ca.crt, and the server's
make_certificates()
{
    local ec=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes)
    openssl req -x509 "${ec[@]}" -days 2 -subj /CN=authority -keyout ca.key -out ca.crt &&
        openssl req "${ec[@]}" -subj /CN=localhost -keyout server.key -out server.csr &&
        openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 \
            -extfile <(echo subjectAltName=DNS:localhost,IP:127.0.0.1) -out server.crt
}

# serve FOLDER: at $port, until the script ends
serve()
{
    plain bash -c "$(declare -f make_certificates); make_certificates" 2>err || {
        cat err
        echo "Bail out! no certificate"
        exit 1
    }
    cat >server.py <<'END'
import http.server, ssl, sys
class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass
    def __init__(self, *arguments):
        super().__init__(*arguments, directory=sys.argv[1])
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Quiet)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain('server.crt', 'server.key')
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_port, flush=True)
server.serve_forever()
END
    plain python3 server.py "$1" >port 2>server.log &
    server=$!
    trap 'kill $server; clean_up' EXIT
    for tenth in {1..600}; do
        [ ! -s port ] || break
        sleep 0.1
    done
    port=$(cat port)
}
