//! `djwsgi activate` and `djwsgi rollback`, killed before every step that changes something.

use crate::support::live::{BREAKS, SETS, load};
use crate::support::{Flavor, Sandbox};

/// Says which set it has its variables from.
const VIEWS: &str = r#"
import os
from django.http import HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

@csrf_exempt
def view(request):
    return HttpResponse(os.environ["NUMBER"])

urlpatterns = [path("", view)]
"#;

/// `killed` runs a command again and again, each time killed before another system call that changes something.
const HELPERS: &str = r#"
calls=rename,renameat2,unlink,symlink,kill
killed() {
    before 0
    strace -qq -e trace=$calls -o trace "$@" >&2 || [ "${fails:-}" ] || echo "failed: $*"
    sed -n "s/^\([a-z0-9]*\)(.*/\1/p" trace | awk '{ print $1, ++seen[$1] }' >boundaries
    number=0
    while read -r call when; do
        number=$((number + 1))
        before "$number"
        echo "== $(date +%s.%N) before $call $when of: $*" >&2
        strace -qq -e trace=$call -e inject=$call:signal=KILL:when=$when -o /dev/null "$@" >&2 && echo "not killed: $call $when" || true
        after "$number"
    done <boundaries
    [ $number -gt 5 ] || echo "only $number boundaries: $*"
}
"#;

#[test]
fn one_set_or_the_other_serves_whenever_it_is_killed() {
    let sandbox = Sandbox::new();
    sandbox.deployment(Flavor::Distribution, VIEWS, "");
    let shown = sandbox.on_bare_server(&format!(
        r#"{SETS}{HELPERS}
        set_to 0
        $djwsgi activate out --yes
        python3 load.py 380 over >load.json & load=$!
        before() {{ set_to $(($1 + 1)); }}
        after() {{
            # The one of before or the new one, whole.
            case "$(found)" in
                "$1 $1" | "$(($1 + 1)) $(($1 + 1))") ;;
                *) echo "after the kill: $(found), not $1 or $(($1 + 1))" ;;
            esac
            $djwsgi activate out --yes || echo "second run: $?"
            [ "$(found)" = "$(($1 + 1)) $(($1 + 1))" ] || echo "second run: $(found)"
            [ ! -e /etc/djwsgi/.mysite/journal.json ] && [ ! -e /run/djwsgi/mysite/gate ] || echo left behind
        }}
        killed $djwsgi activate out --yes
        # Back and forth: whatever the kill left, another rollback leads to the other of the two.
        last=$((number + 1))
        before() {{ was=$(found); }}
        after() {{
            now=$(found)
            case "$now" in
                "$last $last" | "$((last - 1)) $((last - 1))") ;;
                *) echo "after the kill: $now" ;;
            esac
            $djwsgi rollback --yes || echo "second run: $?"
            case "$(found)" in
                "$last $last" | "$((last - 1)) $((last - 1))") ;;
                *) echo "second run: $(found)" ;;
            esac
            ls /etc/djwsgi/.mysite | xargs >kept
            [ "$(cat kept)" = "lock previous traces.json" ] || cat kept
        }}
        killed $djwsgi rollback --yes
        touch over; wait $load
        "#
    ));
    assert_eq!(shown.code, 0, "{} {}", shown.out, shown.err);
    assert_eq!(shown.out, "", "{}", shown.err);
    let load = load(&sandbox, "load.json");
    assert_eq!(load["failed"], serde_json::json!([]), "{} {}", load["answered"], shown.err);
    assert!(load["answered"]["GET"].as_u64().unwrap() > 200, "{}", load["answered"]);
}

#[test]
fn a_first_set_and_a_removal_are_ended_by_a_second_run() {
    let sandbox = Sandbox::new();
    sandbox.deployment(Flavor::Distribution, VIEWS, "");
    let shown = sandbox.on_bare_server(&format!(
        r#"{SETS}{HELPERS}
        all() {{ find /etc /var/lib -path /var/lib/apache2/module -prune -o -type f -print -o -type l -print | sort; }}
        all >none
        set_to 1
        before() {{
            [ $1 != 1 ] || $djwsgi rollback --remove --yes
            all | diff none - || echo "not gone"
        }}
        after() {{
            # Apache answers, with the site or without it.
            curl -s -o /dev/null http://127.0.0.1/ || echo "no answer: $?"
            $djwsgi activate out --yes || echo "second run: $?"
            [ "$(found)" = "1 1" ] || echo "second run: $(found)"
            $djwsgi rollback --remove --yes || echo "removal: $?"
        }}
        killed $djwsgi activate out --yes
        # A removal.
        $djwsgi activate out --yes
        before() {{ [ -e /etc/djwsgi/mysite ] || $djwsgi activate out --yes; }}
        after() {{
            curl -s -o /dev/null http://127.0.0.1/ || echo "no answer: $?"
            if [ $(($1 % 2)) = 0 ]; then
                $djwsgi activate out --yes || echo "second run: $?"
                [ "$(found)" = "1 1" ] || echo "second run: $(found)"
            else
                # There may be nothing left to name.
                [ ! -e /etc/djwsgi/.mysite ] || $djwsgi rollback mysite --remove --yes || echo "removal: $?"
            fi
        }}
        killed $djwsgi rollback --remove --yes
        $djwsgi activate out --yes
        $djwsgi rollback --remove --yes
        all | diff none - || echo "not gone"
        "#
    ));
    assert_eq!(shown.code, 0, "{} {}", shown.out, shown.err);
    assert_eq!(shown.out, "", "{}", shown.err);
}

#[test]
fn an_undo_that_is_cut_off_is_ended_by_a_second_run() {
    let sandbox = Sandbox::new();
    let views = format!("{VIEWS}{BREAKS}");
    sandbox.deployment(Flavor::Distribution, &views, "");
    let shown = sandbox.on_bare_server(&format!(
        r#"{SETS}{HELPERS}
        set_to 1
        $djwsgi activate out --yes
        fails=yes
        last=1
        before() {{
            was=$(found)
            last=$((last + 1))
            set_to $last; echo BREAKS=1 >>out/secrets.env
        }}
        after() {{
            # The set of before, or the one that can't answer, until somebody looks after it.
            status=$(curl -sk -o /dev/null --max-time 40 -w "%{{http_code}}" $at https://www.example.org/)
            case "$status" in
                200) [ "$(found)" = "$was" ] || echo "after the kill: $(found), not $was" ;;
                500) ;;
                *) echo "after the kill: $status" ;;
            esac
            set_to $last
            $djwsgi activate out --yes || echo "second run: $?"
            [ "$(found)" = "$last $last" ] || echo "second run: $(found)"
            [ ! -e /etc/djwsgi/.mysite/journal.json ] && [ ! -e /run/djwsgi/mysite/gate ] || echo left behind
        }}
        killed $djwsgi activate out --yes
        "#
    ));
    assert_eq!(shown.code, 0, "{} {}", shown.out, shown.err);
    assert_eq!(shown.out, "", "{}", shown.err);
}

#[test]
fn a_second_run_may_be_cut_off_as_well() {
    let sandbox = Sandbox::new();
    sandbox.deployment(Flavor::Distribution, VIEWS, "");
    let shown = sandbox.on_bare_server(&format!(
        r#"{SETS}{HELPERS}
        set_to 1
        $djwsgi activate out --yes
        python3 load.py 380 over >load.json & load=$!
        cut_off() {{
            strace -qq -e trace=$1 -e inject=$1:signal=KILL:when=$2 -o /dev/null $djwsgi activate out --yes >&2 || true
        }}
        # Cut off before the sets change places, and after that, before Apache hears of it.
        last=2
        set_to 2
        strace -qq -e trace=kill -o kills $djwsgi activate out --yes
        last_kill=$(grep -c "^kill" kills)
        for place in "renameat2 1" "kill $last_kill"; do
            before() {{
                was=$(found)
                last=$((last + 1))
                set_to $last
                cut_off $place
                [ -e /etc/djwsgi/.mysite/journal.json ] || echo "not cut off in the midst: $place"
            }}
            after() {{
                now=$(found)
                [ "$now" = "$was" ] || [ "$now" = "$last $last" ] || echo "after the kill: $now, not $was or $last"
                $djwsgi activate out --yes || echo "third run: $?"
                [ "$(found)" = "$last $last" ] || echo "third run: $(found)"
                [ ! -e /etc/djwsgi/.mysite/journal.json ] && [ ! -e /run/djwsgi/mysite/gate ] || echo left behind
            }}
            # It does nothing but end what was begun.
            killed $djwsgi rollback --yes
        done
        touch over; wait $load
        "#
    ));
    assert_eq!(shown.code, 0, "{} {}", shown.out, shown.err);
    assert_eq!(shown.out, "", "{}", shown.err);
    assert_eq!(load(&sandbox, "load.json")["failed"], serde_json::json!([]), "{}", shown.err);
}

#[test]
fn what_was_deployed_by_hand_serves_until_the_set_that_takes_its_place_does() {
    let sandbox = Sandbox::new();
    sandbox.deployment(Flavor::Distribution, VIEWS, "");
    let shown = sandbox.on_bare_server(&format!(
        r#"{SETS}{HELPERS}
        before() {{
            [ $1 = 0 ] || $djwsgi rollback mysite --remove --yes --overwrite
            was=$((2 * $1 + 1))
            set_to $was
            (cd out && . ../steps.sh >&2)
            apachectl -k graceful
            until_loaded
            [ "$(found)" = "$was $was" ] || echo "by hand: $(found)"
            set_to $((was + 1))
        }}
        after() {{
            now=$(found)
            # The variables were written on the server, and stay.
            [ "$now" = "$was $was" ] || [ "$now" = "$((was + 1)) $was" ] || echo "after the kill: $now"
            $djwsgi activate out --yes --overwrite || echo "second run: $?"
            [ "$(found)" = "$((was + 1)) $was" ] || echo "second run: $(found)"
            [ ! -e /etc/djwsgi/.mysite/journal.json ] && [ ! -e /run/djwsgi/mysite/gate ] || echo left behind
        }}
        killed $djwsgi activate out --yes --overwrite
        "#
    ));
    assert_eq!(shown.code, 0, "{} {}", shown.out, shown.err);
    assert_eq!(shown.out, "", "{}", shown.err);
}
