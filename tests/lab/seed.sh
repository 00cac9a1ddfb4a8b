# shellcheck shell=sh disable=SC2086,SC2015
# Makes the data directory that every server of a flavour starts from. Runs as root in a throwaway container.
# Variables: HOW (initialize, install-db, bootstrap), BINARY, EXTRA (options of the server), INIT_SQL, CERTIFICATE.
set -eu
umask 022
export PATH="$PATH:/usr/sbin:/sbin:/usr/local/sbin"
grep -q '^mysql:' /etc/group || echo 'mysql:x:990:' >> /etc/group
grep -q '^mysql:' /etc/passwd || echo 'mysql:x:990:990::/nonexistent:/bin/false' >> /etc/passwd
command -v "$BINARY" > /dev/null || BINARY=mysqld
rm -rf /seed /etc/mysql/my.cnf
mkdir -p /seed/data
chown -R mysql:mysql /seed
cd /seed
case "$HOW" in
  initialize)
    "$BINARY" --no-defaults --initialize-insecure --user=mysql --datadir=/seed/data $EXTRA > /seed/log 2>&1 ;;
  install-db)
    # Debian ships these two helpers with other packages; without option files and names there is nothing to look up.
    for helper in my_print_defaults resolveip; do
      command -v "$helper" > /dev/null || { printf '#!/bin/sh\nexit 0\n' > "/usr/bin/$helper"; chmod 755 "/usr/bin/$helper"; }
    done
    mariadb-install-db --no-defaults --user=mysql --datadir=/seed/data --skip-test-db \
      --auth-root-authentication-method=normal $EXTRA > /seed/log 2>&1 ;;
  bootstrap)
    mkdir /seed/data/mysql && chown mysql:mysql /seed/data/mysql
    share=/usr/share/mysql
    [ -f "$share/mysql_system_tables.sql" ] || share=/usr/local/mysql/share
    { echo 'use mysql;'; cat "$share/mysql_system_tables.sql" "$share/mysql_system_tables_data.sql"; } |
      "$BINARY" --no-defaults --bootstrap --user=mysql --datadir=/seed/data $EXTRA > /seed/log 2>&1 ;;
esac || { tail -n 30 /seed/log; exit 1; }
printf '%s\n' "$INIT_SQL" > /seed/init.sql
"$BINARY" --no-defaults --user=mysql --datadir=/seed/data --skip-networking --skip-log-bin --server-id=1 \
  --socket=/seed/sock --pid-file=/seed/pid --init-file=/seed/init.sql $EXTRA >> /seed/log 2>&1 &
server=$!
tries=0
until [ -S /seed/sock ] && [ -s /seed/pid ] && grep -q 'ready for connections' /seed/log; do
  tries=$((tries + 1))
  kill -0 "$server" 2> /dev/null && [ "$tries" -lt 600 ] || { tail -n 30 /seed/log; exit 1; }
  sleep 0.1
done
kill "$server"
wait "$server" || true
if grep -E 'init.?file|\[ERROR\]' /seed/log | grep -iE 'error|fail'; then tail -n 30 /seed/log; exit 1; fi
# Every server gets a UUID of its own when it starts.
rm -f /seed/data/auto.cnf /seed/data/*.err /seed/data/*.pid /seed/init.sql /seed/pid /seed/sock* /seed/data/ib_buffer_pool
if [ -n "$CERTIFICATE" ] && command -v openssl > /dev/null; then
  mkdir /seed/tls
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj /CN=replicaops-lab \
    -keyout /seed/tls/key.pem -out /seed/tls/cert.pem > /seed/log 2>&1 || { cat /seed/log; exit 1; }
  chown -R mysql:mysql /seed/tls
fi
du -sm /seed/data
