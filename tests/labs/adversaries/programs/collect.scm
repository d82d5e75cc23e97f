; Threads that load a library while the collector stops them.
(use-modules (ice-9 threads) (system foreign) (srfi srfi-1))
(define plugin (cadr (command-line)))
(define rounds (string->number (caddr (command-line))))
(define open (pointer->procedure '* (dynamic-func "dlopen" (dynamic-link)) (list '* int)))
(define close (pointer->procedure int (dynamic-func "dlclose" (dynamic-link)) (list '*)))
; it also looks into libraries, and what another thread unloads meanwhile is its
; own affair: so this one stays
(open (string->pointer plugin) 2)
(define (work n)
  (let loop ((round 0) (sum 0))
    (if (= round rounds)
        sum
        (let* ((kept (map (lambda (i) (cons round i)) (iota 50)))
               (handle (open (string->pointer plugin) 2)))
          (if (null-pointer? handle) (error "not loaded"))
          (close handle)
          (if (zero? (modulo round 10)) (gc))
          (loop (+ round 1) (+ sum (fold (lambda (p s) (+ s (car p) (cdr p))) 0 kept)))))))
(define threads (map (lambda (n) (call-with-new-thread (lambda () (work n)))) (iota 3)))
(display (map join-thread threads))
(newline)
