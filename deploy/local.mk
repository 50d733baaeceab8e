EXTRA_DIST += deploy/README.md deploy/man/lint deploy/prepare.sh deploy/quickstart
dist_doc_DATA += deploy/leadrelay.conf.example deploy/lighttpd.conf
dist_man_MANS += deploy/man/leadrelay.1 deploy/man/leadrelay.conf.5
TESTS += deploy/man/lint

include deploy/systemd/local.mk
include deploy/bundle/local.mk
include deploy/debian/local.mk
include deploy/crm/local.mk
