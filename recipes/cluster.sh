#!/bin/bash
# A training on two machines of four GPUs each, for Slurm:  sbatch recipes/cluster.sh
#SBATCH --job-name=mien
#SBATCH --nodes=2
#SBATCH --gpus-per-node=4
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --time=04:00:00
#SBATCH --signal=TERM@60      # mien keeps what was done; the next job goes on by --resume
#SBATCH --requeue

set -euo pipefail
leader=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
run=${RUN:-runs/gelu-cnn-$SLURM_JOB_ID}

srun torchrun \
  --nnodes "$SLURM_JOB_NUM_NODES" --nproc-per-node gpu \
  --rdzv-backend c10d --rdzv-endpoint "$leader:29500" --rdzv-id "$SLURM_JOB_ID" \
  -m mien train "${RECIPE:-gelu-cnn}" --data "${DATA:?the path of fer2013.csv}" --out "$run" --resume
