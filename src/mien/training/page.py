def refresh_page(run, faces, *, status):
    return run.folder / "page.html"
