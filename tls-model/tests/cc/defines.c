struct area { unsigned w[8]; } __attribute__((aligned(32)));
__thread struct area __rseq_abi __attribute__((tls_model("initial-exec"))) = { { 0, -1 } };
