"""The Apache in front of the servers that need one: static files by itself, the rest by mod_proxy_http."""
from serving.site import HOST, STATIC

MODULES = "/usr/lib/apache2/modules"
# The sizes of the MPM are those that Debian's package sets.
CONFIG = '''ServerRoot "{folder}"
DefaultRuntimeDir "{folder}"
PidFile "{folder}/httpd.pid"
ServerName {host}
Listen 127.0.0.1:{port}
{modules}
TypesConfig /etc/mime.types
StartServers 2
MinSpareThreads 25
MaxSpareThreads 75
ThreadLimit 64
ThreadsPerChild 25
MaxRequestWorkers 150
KeepAlive On
MaxKeepAliveRequests 0
ErrorLog "{folder}/error.log"
LogFormat "%h %l %u %t \\"%r\\" %>s %O \\"%{{Referer}}i\\" \\"%{{User-Agent}}i\\"" combined
CustomLog "{folder}/access.log" combined
<Directory "/">
    AllowOverride None
    Require all denied
</Directory>
Alias "/static/" "{static}/"
<Directory "{static}">
    Require all granted
</Directory>
ProxyPreserveHost On
ProxyPass "/static/" "!"
ProxyPass "/" "http://127.0.0.1:{behind}/"
'''
NAMES = ["mpm_event", "authz_core", "alias", "mime", "proxy", "proxy_http"]


def load_modules(names):
    return "\n".join(f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in names)


def command(folder, port, behind):
    """Write the configuration; how Apache is started with it."""
    config = folder / "httpd.conf"
    config.write_text(CONFIG.format(folder=folder, host=HOST, port=port, behind=behind, static=STATIC,
                                    modules=load_modules(NAMES)))
    return ["/usr/sbin/apache2", "-f", str(config), "-DFOREGROUND"]
