#!/bin/bash
# A training on two machines of four GPUs each, for Slurm:
#
#   DATA=/shared/fer2013.csv RECIPE=gelu-cnn sbatch recipes/cluster.sh --set epochs=150
#
# docs/training.md says what each line does, what happens when a process or a machine is lost, and how to try this script
# on one machine without Slurm.
#SBATCH --job-name=mien
#SBATCH --nodes=2
#SBATCH --gpus-per-node=4
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --time=04:00:00
#SBATCH --signal=TERM@60
#SBATCH --requeue
#SBATCH --open-mode=append

set -euo pipefail
leader=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
port=$((20000 + SLURM_JOB_ID % 20000))
run=${RUN:-runs/${SLURM_JOB_NAME:-mien}-$SLURM_JOB_ID}

export TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1

exec srun torchrun \
  --nnodes "$SLURM_JOB_NUM_NODES" --nproc-per-node "${PROCESSES:-gpu}" --max-restarts 3 \
  --rdzv-backend c10d --rdzv-endpoint "$leader:$port" --rdzv-id "$SLURM_JOB_ID" \
  -m mien train "${RECIPE:-gelu-cnn}" --data "${DATA:?the path of fer2013.csv}" --out "$run" --resume "$@"
