libleadrelay_a_SOURCES += \
	src/http/client.h \
	src/http/credentials.c src/http/credentials.h \
	src/http/curl_api.c src/http/curl_api.h \
	src/http/form.c src/http/form.h \
	src/http/oauth.c src/http/oauth.h \
	src/http/oauth_grant.c src/http/oauth_grant.h \
	src/http/preflight.c src/http/preflight.h \
	src/http/reachability.c src/http/reachability.h \
	src/http/refresh_token.c src/http/refresh_token.h \
	src/http/request.c src/http/request.h \
	src/http/signing.c src/http/signing.h \
	src/http/transfer.c src/http/transfer.h \
	src/http/transport.c src/http/transport.h

if HAVE_CMOCKA
check_PROGRAMS += \
	tests/unit/http/test_credentials \
	tests/unit/http/test_form \
	tests/unit/http/test_oauth_grant \
	tests/unit/http/test_request \
	tests/unit/http/test_transport
endif
