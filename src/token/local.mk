libleadrelay_a_SOURCES += \
	src/token/jwt.h \
	src/token/token.c src/token/token.h

if JWT_GENERATION_3
libleadrelay_a_SOURCES += src/token/jwt3.c
else
libleadrelay_a_SOURCES += src/token/jwt1.c
endif

EXTRA_DIST += tests/fuzz/fuzz_token.c

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/token/test_token tests/unit/token/test_jwt
tests_unit_token_test_token_SOURCES = tests/unit/token/test_token.c \
	tests/unit/token/signer.c tests/unit/token/signer.h tests/unit/unit.h
tests_unit_token_test_token_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_token_test_token_LDADD = $(UNIT_LDADD)
tests_unit_token_test_jwt_SOURCES = tests/unit/token/test_jwt.c \
	tests/unit/token/signer.c tests/unit/token/signer.h tests/unit/unit.h
tests_unit_token_test_jwt_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_token_test_jwt_LDADD = $(UNIT_LDADD)
endif
