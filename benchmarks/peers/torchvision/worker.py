"""torchvision's maskrcnn_resnet50_fpn: training step, or inference with its masks pasted."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torchvision.models import detection

from benchmarks import scenes, worker

PROPOSALS = 1000


def build(spec: dict[str, Any]) -> worker.Work:
    """Specification: mode (train or infer), size, batch, dtype, detections, device (cpu or cuda)."""
    warnings.filterwarnings("ignore")
    torch.set_num_threads(spec["threads"])
    torch.manual_seed(0)
    device = spec.get("device", "cpu")
    size = spec["size"]
    model = detection.maskrcnn_resnet50_fpn(
        weights=None, weights_backbone=None, num_classes=1 + scenes.CLASSES, min_size=size, max_size=size,
        rpn_post_nms_top_n_train=PROPOSALS, rpn_post_nms_top_n_test=PROPOSALS,
        box_detections_per_img=spec.get("detections", 100)).to(device)
    drawn = [scenes.make(size, seed) for seed in range(spec["batch"])]
    images = [torch.from_numpy(scene.image.transpose(2, 0, 1).copy()).to(device).float() / 255 for scene in drawn]
    compute = torch.autocast(device, torch.bfloat16, enabled=spec["dtype"] == "bfloat16")
    make = _training if spec["mode"] == "train" else _inference
    work: worker.Work = make(model, images, drawn, compute, device)
    return work


def _training(model: Any, images: Any, drawn: list[scenes.Scene], compute: Any, device: str) -> Any:
    targets = [{"boxes": torch.from_numpy(scene.boxes).to(device),
                "labels": torch.from_numpy(scene.class_ids).long().to(device),
                "masks": torch.from_numpy(scene.masks).to(device)} for scene in drawn]
    model.train()
    optimizer = torch.optim.SGD(model.parameters(), 1e-6, momentum=0.9, weight_decay=1e-4)
    positives: list[int] = []
    choose = model.roi_heads.select_training_samples

    def counted(*given: Any) -> Any:
        chosen = choose(*given)
        positives[:] = [int((labels > 0).sum()) for labels in chosen[2]]
        return chosen

    model.roi_heads.select_training_samples = counted

    def sample() -> dict[str, float]:
        optimizer.zero_grad()
        with compute:
            loss = sum(model(images, [dict(target) for target in targets]).values())
        loss.backward()
        optimizer.step()
        return {"loss": float(loss), "masks": sum(positives) / len(positives)}

    return sample


def _inference(model: Any, images: Any, drawn: list[scenes.Scene], compute: Any, device: str) -> Any:
    model.eval()

    def sample() -> dict[str, float]:
        with torch.inference_mode(), compute:
            found = model(images)[0]
        return {"detections": int(found["masks"].cpu().shape[0])}

    return sample


if __name__ == "__main__":
    worker.serve(build)
