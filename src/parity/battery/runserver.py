"""manage.py runserver as the site has it, with what djwsgi parity looks through around the application."""
import os
import runpy
import sys

MANAGE, FOLDER, PORT = sys.argv[1:4]
sys.path[0] = os.path.dirname(MANAGE)


def prepare():
    from django.core.management.base import BaseCommand
    from django.core.servers import basehttp

    made = basehttp.get_internal_wsgi_application
    bind = basehttp.WSGIServer.server_bind

    def get_internal_wsgi_application():
        space = {"__name__": "djwsgi_parity", "application": made()}
        with open(os.path.join(FOLDER, "probe.py"), encoding="utf-8") as file:
            exec(compile(file.read(), file.name, "exec"), space)
        return space["application"]

    def server_bind(self):
        bind(self)
        place = os.path.join(FOLDER, "runserver.port")
        with open(place + ".next", "w") as file:
            file.write(str(self.server_address[1]))
        os.rename(place + ".next", place)

    basehttp.get_internal_wsgi_application = get_internal_wsgi_application
    basehttp.WSGIServer.server_bind = server_bind
    # Looking for migrations would make a database where there is none.
    BaseCommand.check_migrations = lambda self: None


prepare()
sys.argv = [MANAGE, "runserver", "--noreload", "127.0.0.1:" + PORT]
runpy.run_path(MANAGE, run_name="__main__")
