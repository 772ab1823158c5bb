"""`mmzoo demo`."""

import os
import socket
from typing import Annotated

import typer

from mmzoo.commands.options import Encoding, Root, Run, Separator
from mmzoo.utils.optional_packages import require


def demo(
    run: Run,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the page.")] = 7860,
    host: Annotated[
        str, typer.Option(help="Address to listen at; with 0.0.0.0 others reach the page, too.")
    ] = "127.0.0.1",
    examples: Annotated[int, typer.Option(min=0, help="Rows to choose from on the page.")] = 5,
    csv: Annotated[
        str | None,
        typer.Option("--csv", "--data", help="Where they are from; the test rows of the training."),
    ] = None,
    root: Root = None,
    encoding: Encoding = None,
    separator: Separator = None,
):
    """Open a page to try a trained model in a browser.

    A picture is dropped, a text typed, a sound recorded or uploaded, cells are filled; the page
    shows the answer, its scores, and what each input contributed. Ctrl-C ends it.
    """
    require("gradio", "demo-page")
    check_port(host, port)
    from mmzoo.commands.quiet_import import import_tensorflow

    import_tensorflow()
    from mmzoo.commands.trained_run import TrainedRun
    from mmzoo.demo_page import demo as demo_page

    trained = TrainedRun.load(run)
    rows = None
    if examples:
        rows = trained.example_records(examples, csv, root, encoding, separator)
    title = os.path.basename(os.path.abspath(run))
    page = demo_page(trained.model, trained.preprocessor, rows, title)
    page.launch(
        server_name=host, server_port=port, share=False, ssr_mode=False, run_history=False,
        footer_links=[], quiet=True, inbrowser=False, prevent_thread_lock=True,
    )  # fmt: skip
    print(f"The page is at {page.local_url} until Ctrl-C ends it.", flush=True)
    try:
        page.block_thread()
    finally:
        page.close(verbose=False)


def check_port(host, port):
    """Raises an `OSError` for a port that something listens at, or an address that is not here.

    Args:
        host: address to listen at.
        port: its port.
    """
    try:
        with socket.create_server((host, port)):
            pass
    except OSError as error:
        raise OSError(
            f"Nothing can listen at {host}, port {port}: {os.strerror(error.errno)}. "
            "Another port is taken by --port."
        ) from None
