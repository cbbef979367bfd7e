"""The process of the embedded AWS; `control.up` starts it with the environment that ministack reads at import."""

from __future__ import annotations

import logging
import os

from app.embedded.settings import EmbeddedSettings, default_programs, default_state
from app.embedded.strict import is_strict


def main() -> None:
    """Amend ministack, put the local SageMaker into it, and serve until SIGTERM."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    logging.getLogger("castline").setLevel(logging.INFO)
    settings = EmbeddedSettings(default_state(), int(os.environ["GATEWAY_PORT"]), default_programs(),
                                strict=is_strict(default_state()))
    from ministack import app as ministack

    from app.embedded import admin, amendments, server
    from app.embedded.amendments import restart
    from app.embedded.interference import Interference, lambda_at
    from app.embedded.journal import Journal
    from app.embedded.sagemaker import gateway
    from app.embedded.sagemaker.cloud import Cloud
    from app.embedded.sagemaker.events import publish_to_ministack
    from app.embedded.sagemaker.metrics import of_ministack
    from app.embedded.sagemaker.service import SageMaker

    amendments.apply_all(settings)
    cloud = Cloud.build(settings, publish_to_ministack(), of_ministack())
    cloud.children.end_leftovers()
    service = SageMaker(cloud)
    gateway.register(service)
    journal = Journal()

    def ready() -> None:
        journal.start()
        restart.announce()
        service.recover()

    def stopping() -> None:
        service.shut_down()
        journal.stop()

    interference = Interference(ministack.app, lambda_at)
    application = admin.in_front_of(interference, admin.routes(cloud, service, interference))
    server.serve(application, settings, on_ready=ready, on_stop=stopping)


main()
