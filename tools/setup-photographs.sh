#!/bin/sh
# Puts 20 labelled ImageNet photographs into .cache/data/imagenet20, as
# ordinary ImageNet folders: <wnid>/imagenet_<n>.jpg.
#
# They come from the wheel of foolbox, whose file names hold the class index:
# imagenet_<n>_<class>.jpg.
. "$(dirname "$0")/fetch.sh"

folder=$cache/data/imagenet20
classes=$root/internal/imagenet/classes.csv

wheel=foolbox-3.3.4-py3-none-any.whl
fetch_wheel "$wheel" 11049d515d38e765e206a73ace9cc648b81a0d6d1da9ad9057e149ee117989cb
unpack_wheel "$wheel" 'foolbox/data/imagenet_*.jpg'

for photograph in "$scratch"/imagenet_*.jpg; do
	name=$(basename "$photograph" .jpg)
	class=${name##*_}
	wnid=$(awk -F, -v class="$class" '$1 == class { print $2 }' "$classes")
	case $wnid in
	n????????) ;;
	*) die "$classes has no wnid for class $class" ;;
	esac
	mkdir -p "$scratch/imagenet20/$wnid"
	mv "$photograph" "$scratch/imagenet20/$wnid/${name%_*}.jpg"
done

mkdir -p "$(dirname "$folder")"
rm -rf "$folder"
mv "$scratch/imagenet20" "$folder"
