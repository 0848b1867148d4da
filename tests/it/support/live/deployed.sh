# The site is deployed by the steps of out/DEPLOY.md.
(cd out && . ../steps.sh >&2)
until_loaded
