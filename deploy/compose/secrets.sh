#!/usr/bin/env bash
# Makes the secrets of compose.yaml: a CA, certificates, keys and passwords. It keeps the files that exist.
# As root it gives each file to the user that its container runs as. The certificates are valid for a year.
set -euo pipefail
umask 077
folder="${1:-"$(dirname "$0")/secrets"}"
mkdir -p "$folder"
cd "$folder"

certificate() { # NAME SUBJECT_ALTERNATIVE_NAMES
    [[ -e $1.pem ]] && return
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout "$1.key" -out "$1.csr" -subj "/CN=$1" 2>/dev/null
    openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -days 365 -out "$1.pem" 2>/dev/null -extfile <(
        echo "subjectAltName=$2"
        echo "extendedKeyUsage=serverAuth,clientAuth" # leadline health shows the server's own
    )
    rm "$1.csr"
}

[[ -e ca.pem ]] || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 3650 \
    -keyout ca.key -out ca.pem -subj "/CN=leadline CA" 2>/dev/null
certificate server "DNS:leadline,DNS:localhost,IP:127.0.0.1"
certificate postgres "DNS:postgres"
certificate prometheus "DNS:prometheus"
[[ -e secrets.key ]] || openssl rand -base64 32 >secrets.key
[[ -e postgres.password ]] || openssl rand -hex 24 >postgres.password
[[ -e grafana.password ]] || openssl rand -hex 24 >grafana.password
[[ -e crm.token ]] || echo "put your CRM's token here" >crm.token
[[ -e monitor.key ]] || : >monitor.key # of the role monitor; see docs/deployment.md

chmod 0444 ca.pem server.pem postgres.pem prometheus.pem
if ((EUID == 0)); then
    chown 10001:10001 server.key secrets.key postgres.password crm.token
    chown 999:999 postgres.key                   # the user of PostgreSQL's image
    chown 65534:65534 prometheus.key monitor.key # the user of Prometheus' image
    chown 472:472 grafana.password               # the user of Grafana's image
    chmod 0711 .
else
    echo "Not root: give the files to the users of the containers, or run this as root." >&2
fi
