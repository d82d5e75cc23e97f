exec stdbuf -oL psql -h "$PWD" -U lab -d postgres -AtXq
