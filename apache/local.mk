apachedocdir = $(docdir)/apache
dist_apachedoc_DATA = apache/mod_fcgid.conf apache/mod_proxy_fcgi.conf \
	apache/mod_cgid.conf apache/htaccess
EXTRA_DIST += nginx/examples.conf tests/e2e/harness/apache.py \
	tests/e2e/harness/lighttpd.py tests/e2e/test_apache.py tests/e2e/test_cgi.py \
	tests/e2e/test_lighttpd.py tests/e2e/test_nginx_examples.py \
	tests/e2e/test_reload.py
EXTRA_DIST += tests/bench/bench_cgi
