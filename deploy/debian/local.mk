# "deploy/build-deb" makes the Debian package.
EXTRA_DIST += deploy/build-deb deploy/debian/changelog deploy/debian/control \
	deploy/debian/copyright deploy/debian/leadrelay.install \
	deploy/debian/leadrelay.lintian-overrides \
	deploy/debian/leadrelay.postinst deploy/debian/leadrelay.postrm \
	deploy/debian/leadrelay.prerm \
	deploy/debian/leadrelay.triggers deploy/debian/rules deploy/debian/source/format
