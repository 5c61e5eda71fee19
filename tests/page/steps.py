"""What every check does."""
from world import id_of


def same(wanted, got, what=""):
    assert wanted == got, f"{what}: expected {wanted!r}, got {got!r}"


def go(world, path, title):
    world.browser.open(world.dashboard.url + path)
    world.browser.wait_for_title(f"{title} · fanfold")


def open_cluster(world, name, panel=""):
    go(world, f"#/clusters/{id_of(name)}{panel}", {"/tasks": "Tasks · ", "/errors": "Errors · ", "/globals": "Globals · ", "/why": "Why open · "}.get(panel, "") + name)
