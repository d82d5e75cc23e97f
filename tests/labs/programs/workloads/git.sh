export GIT_AUTHOR_DATE='2024-01-01T00:00:00Z' GIT_COMMITTER_DATE='2024-01-01T00:00:00Z' GIT_CONFIG_NOSYSTEM=1
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@a GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@a HOME=$PWD
git init -q -b main repo
cd repo
for i in 1 2 3 4 5 6; do
    for j in $(seq 1 100); do seq $j $((i * j + 50)) >file$j; done
    git add .
    git commit -q -m "commit $i"
done
git rev-parse HEAD
git -c pack.threads=4 repack -q -a -d -f --window=20
git fsck --full 2>&1 | head -3
git -c grep.threads=4 grep -c 123 | md5sum
git clone -q . ../other
git -C ../other log --oneline | md5sum
git -c index.threads=4 status --short
git diff --stat HEAD~3 | tail -1
