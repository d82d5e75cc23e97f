ffmpeg -v error -nostdin -f lavfi -i testsrc=duration=4:size=320x240:rate=25 -f lavfi -i sine=duration=4 \
    -filter_threads 4 -vf 'hue=h=90,boxblur=2' -c:v mpeg4 -threads 4 -bitexact -c:a aac -y a.mp4
ffmpeg -v error -nostdin -threads 4 -i a.mp4 -map 0:v -f framemd5 - | tail -5
ffmpeg -v error -nostdin -threads 4 -i a.mp4 -vf scale=160:120 -c:v libx264 -threads 4 -preset ultrafast -bitexact -an -y b.mp4
ffmpeg -v error -nostdin -i b.mp4 -f framemd5 - | tail -2
