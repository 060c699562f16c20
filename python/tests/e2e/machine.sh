# Becomes the first process of a system of its own: Debian's systemd in the namespaces that machine.py made, over a copy in memory of
# this machine's files. Variables: FOLDER of the machine, INSTALLED by `make install` with DESTDIR.
set -eu
umask 022
mount --make-rprivate /
mkdir "$FOLDER/changes" "$FOLDER/root"
mount -t tmpfs none "$FOLDER/changes"
mkdir "$FOLDER/changes/upper" "$FOLDER/changes/work"
cd "$FOLDER/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$FOLDER/changes/upper,workdir=$FOLDER/changes/work" .
cd "$FOLDER/root"

# Nothing but the unit and what it asks for is started.
rm -rf etc/systemd/system usr/lib/systemd/system/*.wants etc/machine-id
mkdir -p etc/systemd/system usr/local/lib/systemd/system etc/lachesis opt/lachesis
for unit in systemd-networkd.service systemd-networkd.socket systemd-networkd-wait-online.service; do
    ln -s /dev/null "etc/systemd/system/$unit"
done
printf '[Unit]\nWants=lachesisd.service\n' >etc/systemd/system/default.target
cp "$INSTALLED/usr/local/lib/systemd/system/lachesisd.service" usr/local/lib/systemd/system/
cp "$FOLDER"/etc/* etc/lachesis/
mkdir etc/systemd/system/lachesisd.service.d
printf '[Service]\nStandardOutput=file:/run/said\nStandardError=file:/run/log\n' >etc/systemd/system/lachesisd.service.d/log.conf
mount --bind "$INSTALLED/opt/lachesis" opt/lachesis
chroot . systemd-sysusers /opt/lachesis/share/lachesis/deploy/systemd/lachesis.sysusers
chroot . chown -R lachesis:lachesis /etc/lachesis

mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 none run
mount -t tmpfs -o mode=1777 none tmp
mount -t tmpfs -o mode=755 none dev
while read -r name major minor; do mknod -m 666 "dev/$name" c "$major" "$minor"; done <<X
null 1 3
zero 1 5
full 1 7
random 1 8
urandom 1 9
tty 5 0
X
mkdir dev/pts dev/shm old
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
: >dev/console
pivot_root . old
umount -l /old
ip link set lo up
export container=lachesis-test
exec /lib/systemd/systemd --system --log-target=null --show-status=0
