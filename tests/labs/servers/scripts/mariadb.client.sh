exec mariadb --no-defaults -S "$PWD/s" -N -B -n
