export TERM=xterm SHELL=/bin/sh
tmux -S "$PWD/s" -f /dev/null new-session -d -x 80 -y 24 "sh"
tmux -S "$PWD/s" split-window "sh -c 'seq 1 5; sleep 20'"
tmux -S "$PWD/s" send-keys -t 0.0 "PS1='> '; clear; echo \$((6 * 7)) made" Enter
found() { tmux -S "$PWD/s" capture-pane -p -t 0.0 | grep -q '^42 made'; }
until_true found
tmux -S "$PWD/s" capture-pane -p -t 0.0 | grep '^42 made'
tmux -S "$PWD/s" capture-pane -p -t 0.1 | head -5
tmux -S "$PWD/s" list-panes | wc -l
tmux -S "$PWD/s" kill-server
