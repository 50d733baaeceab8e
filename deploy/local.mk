EXTRA_DIST += deploy/man/lint
dist_doc_DATA += deploy/leadrelay.conf.example
dist_man_MANS += deploy/man/leadrelay.1 deploy/man/leadrelay.conf.5
TESTS += deploy/man/lint
