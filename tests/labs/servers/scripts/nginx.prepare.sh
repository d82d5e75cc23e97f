mkdir www
seq 1 50 >www/small
