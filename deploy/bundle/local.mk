# "make bundle": the archive for shared hosting.
EXTRA_DIST += deploy/bundle/build deploy/bundle/start deploy/bundle/starter \
	deploy/bundle/command deploy/bundle/htaccess.top deploy/bundle/htaccess.web \
	deploy/bundle/READ-ME-FIRST
CLEANFILES += leadrelay-*-linux.tar.gz

bundle: leadrelay$(EXEEXT)
	CC='$(CC)' LICENCE='$(srcdir)/LICENSE' EXTRA_LIBRARIES='$(LOADED_LIBRARIES)' \
		$(srcdir)/deploy/bundle/build leadrelay$(EXEEXT) $(VERSION) \
		$(srcdir)/deploy/leadrelay.conf.example
.PHONY: bundle
