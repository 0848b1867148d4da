"""What `djwsgi dev` gives to mod_wsgi: the harness, which loads the site's own WSGI script.

mod_wsgi runs this once in its daemon process, before it starts any thread. The daemon process itself
never gets beyond the import below: it is the root from which the processes that serve are forked.
"""
import os
import sys

FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, FOLDER)
# Its modules are djwsgi's own, and so is the folder of their compiled forms: whatever the user has said
# of the site's.
kept, sys.dont_write_bytecode = sys.dont_write_bytecode, False
from djwsgi_harness import saves, slot
sys.dont_write_bytecode = kept
sys.path.remove(FOLDER)

application = slot.start(os.path.join(FOLDER, "harness.json"))
# What mod_wsgi asks before each request.
reload_required = saves.is_outdated
