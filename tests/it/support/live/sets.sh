# Sets with a number, which their configs and their variables have, on a server where Apache runs.
account
apachectl -k start
set_to() {
    sed -i "s/^KeepAliveTimeout .*/KeepAliveTimeout $1/" out/00-mysite.conf
    printf "DJANGO_SECRET_KEY=$KEY\nNUMBER=$1\n" >out/secrets.env
}
# Numbers of the config and of the variables, as a new connection finds them.
found() {
    # A server that has just begun tells some to close.
    for _ in $(seq 100); do
        curl -sk --http1.1 -H "Connection: keep-alive" --max-time 20 $at https://www.example.org/ -o body \
            -w "%header{keep-alive}" >header || true
        [ ! -s header ] || break
        sleep 0.05
    done
    echo "$(sed "s/timeout=\([0-9]*\).*/\1/" header) $(cut -d" " -f1 body)"
}
