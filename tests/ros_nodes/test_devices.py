from ros_nodes.devices import cameras


def test_cameras_are_listed_once_each(tmp_path):
    for number, index, name in ((10, 0, "Capture card"), (0, 0, "Webcam"), (1, 1, "Webcam")):
        folder = tmp_path / f"video{number}"
        folder.mkdir()
        (folder / "index").write_text(f"{index}\n")
        (folder / "name").write_text(f"{name}\n")
    (tmp_path / "video3").mkdir()
    assert cameras(tmp_path) == [("/dev/video0", "Webcam"), ("/dev/video10", "Capture card")]
