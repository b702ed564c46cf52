#!/usr/bin/env bash
# A SLURM of one node on loopback, for tests in a container: root, no systemd, no cgroups, no accounting.
#   start-single-node.sh [start|stop]     FAKE_GPUS=2: how many GPUs it hands out; any character device passes for one
# Without cgroups SLURM counts memory but does not enforce it.
set -euo pipefail

cluster=ctshift-test
config=/etc/slurm/slurm.conf
gpus=${FAKE_GPUS:-2}

stop() {
  local file
  for file in /run/slurmctld.pid /run/slurmd.pid /run/munge/munged.pid; do
    if [ -s "$file" ]; then kill "$(cat "$file")" 2>/dev/null || true; fi
  done
}

# never over the configuration of a real cluster
if [ -s "$config" ] && ! grep -q "^ClusterName=$cluster$" "$config"; then
  echo "$config belongs to another cluster; this script is for a machine without one" >&2
  exit 1
fi
if [ "${1:-start}" = stop ]; then stop; exit 0; fi
if scontrol ping 2>/dev/null | grep -q UP; then sinfo; exit 0; fi

host=$(hostname -s)
memory_mb=$(($(awk '/MemTotal/{print $2}' /proc/meminfo) / 1024 * 9 / 10))
getent hosts "$host" | grep -q '^127\.' || echo "127.0.0.1 $host" >>/etc/hosts # keeps SLURM on loopback
mkdir -p /etc/slurm /var/spool/slurmctld /var/spool/slurmd /var/log/slurm /run/munge /etc/munge
[ -s /etc/munge/munge.key ] || (umask 077 && head -c 1024 /dev/urandom >/etc/munge/munge.key)
chown -R munge:munge /etc/munge /var/lib/munge /var/log/munge /run/munge
chmod 0700 /etc/munge && chmod 0400 /etc/munge/munge.key && chmod 0755 /run/munge

# DefMemPerCPU: else a job that asks for no memory takes the node's; MinJobAge: how long squeue knows an ended job
cat >"$config" <<EOF2
ClusterName=$cluster
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
CredType=cred/munge
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
ReturnToService=2
DefMemPerCPU=1000
MinJobAge=600
KillWait=5
StateSaveLocation=/var/spool/slurmctld
SlurmdSpoolDir=/var/spool/slurmd
SlurmctldPidFile=/run/slurmctld.pid
SlurmdPidFile=/run/slurmd.pid
SlurmctldLogFile=/var/log/slurm/slurmctld.log
SlurmdLogFile=/var/log/slurm/slurmd.log
GresTypes=gpu
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) RealMemory=$memory_mb Gres=gpu:$gpus State=UNKNOWN
PartitionName=main Nodes=$host Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
EOF2
: >/etc/slurm/gres.conf
for number in $(seq 0 $((gpus - 1))); do
  device=/dev/tty$number
  [ -c "$device" ] || { device=/run/fake-gpu$number && { [ -c "$device" ] || mknod "$device" c 1 3; }; }
  echo "NodeName=$host Name=gpu File=$device" >>/etc/slurm/gres.conf
done

stop
sleep 0.2
runuser -u munge -- munged
slurmctld
slurmd
for _ in $(seq 60); do
  if sinfo --noheader --format=%T 2>/dev/null | grep -qE 'idle|mixed'; then
    sinfo
    exit 0
  fi
  sleep 0.5
done
echo "the node did not come up in 30 s; see /var/log/slurm" >&2
exit 1
