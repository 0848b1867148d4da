# A server of its own for one test: private /etc, /var/lib, /var/log/apache2 and /run, so that the machine is left
# as it was. What follows finds the site deployed by the steps of out/DEPLOY.md, and the helpers below.
ip link set lo up
mount --bind etc /etc
mount -t tmpfs none /var/log/apache2
mount --bind lib /var/lib
mount -t tmpfs none /run
mkdir -p /run/lock /var/run/apache2
systemctl() {
    echo "systemctl $*" >&2
    case "$1" in
        restart | start) apachectl -k start >&2 ;;
        reload) apachectl -k graceful >&2 ;;
    esac
}
stop() {
    apachectl -k stop >&2 || true
    for _ in $(seq 500); do [ -e /run/apache2/apache2.pid ] || break; sleep 0.02; done
}
trap stop EXIT
a2dismod -q wsgi >&2 || true
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=www.example.org \
    -keyout /etc/ssl/site.key -out /etc/ssl/site.crt 2>/dev/null
sed -i "s/^#DJANGO_SECRET_KEY=.*/DJANGO_SECRET_KEY=$KEY/" out/secrets.env
(cd out && . ../steps.sh >&2)
at="--resolve www.example.org:80:127.0.0.1 --resolve www.example.org:443:127.0.0.1"
# The site's answer to a path.
get() { curl -sk --max-time 40 --retry 20 --retry-connrefused --retry-delay 1 $at "https://www.example.org$1"; echo; }
# The site's processes.
daemons() {
    for environ in $(grep -lsazx "DJWSGI_TEST=$DJWSGI_TEST" /proc/[0-9]*/environ); do
        grep -lsa "^(wsgi:" "${environ%environ}cmdline" || true
    done | cut -d/ -f3 | xargs
}
# Waits until all of them have loaded the site, and have the threads that serve it.
until_loaded() {
    local wanted loaded pid
    wanted=$(grep -o "processes=[0-9]*" out/00-mysite.conf | cut -d= -f2)
    for _ in $(seq 500); do
        loaded=0
        for pid in $(daemons); do [ "$(ls /proc/$pid/task 2>/dev/null | wc -l)" -lt 2 ] || loaded=$((loaded + 1)); done
        [ "$loaded" != "$wanted" ] || return 0
        sleep 0.02
    done
    return 1
}
until_loaded
