//! `djwsgi activate` and `djwsgi rollback`: one set takes the place of another on a live server.

use crate::support::{Flavor, Sandbox};

const VIEWS: &str = r#"
import os, time
from django.http import HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

@csrf_exempt
def view(request):
    return HttpResponse("v0 %d %d" % (os.getpid(), len(request.body)))

def slow(request):
    time.sleep(6)
    return HttpResponse("slow v0")

urlpatterns = [path("", view), path("slow", slow)]
"#;

#[test]
fn try_activate() {
    let sandbox = Sandbox::new();
    sandbox.deployment(Flavor::Distribution, VIEWS, "");
    let shown = sandbox.on_bare_server(
        r#"
        account
        apachectl -k start
        $djwsgi activate out --yes
        sed -i "s/KeepAliveTimeout 5/KeepAliveTimeout 6/" out/00-mysite.conf
        strace -f -o trace -e trace=mkdir,rename,renameat,renameat2,unlink,unlinkat,rmdir,symlink,mknod,mknodat,kill,fchmod,fsync,chown,fchown,pwrite64 $djwsgi activate out --yes
        wc -l trace >&2
        sed "s/^\([0-9]*\) /\1 /" trace | cut -d" " -f1 | sort | uniq -c >&2
        head -150 trace >&2
        "#,
    );
    println!("{}\n{}\n{}", shown.code, shown.out, shown.err);
}
