# A server of its own for one test: private /etc, /var/lib, /var/log/apache2 and /run, so that the machine is left
# as it was. What follows finds the helpers below, and a certificate for the site.
ip link set lo up
mount --bind etc /etc
mount -t tmpfs none /var/log/apache2
mount --bind lib /var/lib
mount -t tmpfs none /run
mkdir -p /run/lock /var/run/apache2
# In place of systemd, for DEPLOY.md and djwsgi. What it was told is in the file `told`.
mkdir bin
cat >bin/systemctl <<'END'
#!/bin/bash
echo "systemctl $*" >>"${0%/bin/systemctl}/told"
service=${!#}
unit=/etc/systemd/system/$service
pid_file=/run/${service%.service}/httpd.pid
end() {
    kill -TERM "$(cat $pid_file)"
    for _ in $(seq 250); do [ -e $pid_file ] || return 0; sleep 0.02; done
}
case "$1 $service" in
    *" apache2.service")
        case "$1" in
            start | restart) exec apachectl -k start ;;
            reload) exec apachectl -k graceful ;;
        esac ;;
    "start "*)
        install -d /run/${service%.service}
        install -d -m 750 /var/log/${service%.service}
        eval "setsid $(sed -n 's/^ExecStart=//p' $unit) </dev/null >/dev/null 2>&1 &"
        for _ in $(seq 250); do [ ! -e $pid_file ] || exit 0; sleep 0.02; done
        exit 1 ;;
    "disable "*) end ;;
esac
END
chmod 755 bin/systemctl
PATH=$PWD/bin:$PATH
stop() {
    apachectl -k stop >&2 || true
    for _ in $(seq 500); do [ -e /run/apache2/apache2.pid ] || break; sleep 0.02; done
    [ ! -e /run/djwsgi-mysite/httpd.pid ] || systemctl disable --now djwsgi-mysite.service
}
trap stop EXIT
a2dismod -q wsgi >&2 || true
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=www.example.org -addext subjectAltName=DNS:www.example.org \
    -keyout /etc/ssl/site.key -out /etc/ssl/site.crt 2>/dev/null
sed -i "s/^#DJANGO_SECRET_KEY=.*/DJANGO_SECRET_KEY=$KEY/" out/secrets.env
at="--resolve www.example.org:80:127.0.0.1 --resolve www.example.org:443:127.0.0.1"
# The site's answer to a path.
get() { curl -sk --max-time 40 --retry 5 --retry-connrefused --retry-delay 1 $at "https://www.example.org$1"; echo; }
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
# The account of the site, and what it needs to run as it.
account() {
    useradd --system --user-group --no-create-home --shell /usr/sbin/nologin mysite
    chown -R mysite: mysite/data mysite/media
}
