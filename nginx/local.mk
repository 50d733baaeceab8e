EXTRA_DIST += nginx/leadrelay.conf nginx/leadrelay-location.conf
