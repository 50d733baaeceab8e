libleadrelay_a_SOURCES +=
