"""The side of the instant reload of `djwsgi dev` that lives in mod_wsgi's daemon processes.

Not part of the site: nothing of it is imported where djwsgi does not serve. Works on Python 3.8 and
newer. From the top: slot (a process and its life), standby (stopping and forking), ahead
(importing packages before their turn), imports (the
modules of the site as they load), reads (which files have been read), serving (a process that
answers), page (the answer of a site that does not load), control (the line to djwsgi).
"""
