#!/bin/sh
# ftbot as its service runs it: with its settings, as its user, in its folder. Only root may.
#
#   install -m 755 deploy/ftbot.sh /usr/local/sbin/ftbot
#   ftbot doctor
#   ftbot db backup /var/lib/ftbot/before.sqlite3

exec systemd-run --quiet --pty --pipe --wait --collect \
    --property=DynamicUser=true --property=User=ftbot --property=StateDirectory=ftbot \
    --property=WorkingDirectory=/var/lib/ftbot --property=EnvironmentFile=/etc/ftbot.env \
    --property=Environment=FTBOT_DATA_DIR=/var/lib/ftbot --property=UMask=0077 \
    /opt/ftbot/bin/ftbot "$@"
