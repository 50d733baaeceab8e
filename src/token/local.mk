libleadrelay_a_SOURCES += \
	src/token/jwt.h \
	src/token/token.c src/token/token.h

if HAVE_CMOCKA
check_PROGRAMS += \
	tests/unit/token/test_jwt \
	tests/unit/token/test_token
endif

EXTRA_DIST += tests/fuzz/fuzz_token.c

if JWT_GENERATION_3
libleadrelay_a_SOURCES += src/token/jwt3.c
else
libleadrelay_a_SOURCES += src/token/jwt1.c
endif
