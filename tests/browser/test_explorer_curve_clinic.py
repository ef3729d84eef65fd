"""The curve clinic, driven by mouse and keyboard: tests come when they are ordered, and the answer when it is asked."""

from playwright.sync_api import Locator, expect

from browser.kit import Explorer
from course_utils.widgets.curve_clinic import WARD, order

NAME = "curve_clinic"
PATIENTS = WARD["patients"]


def number_of(illness: str, which: int = 0) -> int:
    """The number under which a patient with this illness comes in the first order."""
    places = [place for place, patient in enumerate(PATIENTS) if patient["illness"] == illness]
    return order(0, len(PATIENTS)).index(places[which]) + 1


def button(explorer: Explorer, name: str) -> Locator:
    return explorer.root.get_by_role("button", name=name)


def call_it(explorer: Explorer, illness: str) -> None:
    explorer.root.get_by_label("Diagnosis").select_option(illness)
    button(explorer, "Name it").press("Enter")


def table(explorer: Explorer, title: str) -> Locator:
    return explorer.root.get_by_role("table", name=title)


def test_a_test_shows_its_numbers_only_when_it_is_ordered(explorer_page):
    explorer = explorer_page(NAME, patient=number_of("dead units"))
    possible = explorer.trait("left")
    assert "dead units" in possible and len(possible) > 1
    assert explorer.says().endswith(f"the curves alone leave {len(possible)} open: which test would cut most?")
    expect(table(explorer, "Dead units")).to_have_count(0)
    button(explorer, "Dead units").press("Enter")
    expect(table(explorer, "Dead units").get_by_role("row", name="dead share of dense1")).to_contain_text("100 % ⚑")
    assert explorer.trait("ordered") == ["dead"] and explorer.trait("left") == ["dead units"]
    assert "1 test ordered. Of 14 diagnoses curves and tests leave 1 open: you can name it." in explorer.says()
    button(explorer, "Dead units").click()
    assert explorer.trait("ordered") == ["dead"], "nobody pays twice"
    button(explorer, "Undo").click()
    expect(table(explorer, "Dead units")).to_have_count(0)


def test_a_wrong_name_is_answered_by_a_number_and_the_right_one_by_proof_and_cure(explorer_page):
    explorer = explorer_page(NAME, patient=number_of("leak"))
    for test in ("Twins across the split", "Asked twice"):
        button(explorer, test).click()
    expect(button(explorer, "Name it")).to_be_disabled()
    call_it(explorer, "healthy")
    wrong = explorer.root.get_by_text("✗ Not “healthy”. “Twins across the split” speaks against it")
    expect(wrong).to_be_visible()
    assert "leak" not in explorer.says()
    call_it(explorer, "leak")
    expect(explorer.root.get_by_text("✓ Right: leak.")).to_be_visible()
    expect(explorer.root.get_by_text("One test is enough here: twins across the split.")).to_be_visible()
    expect(explorer.root.get_by_text("The cure: Remove the twins")).to_be_visible()
    assert explorer.trait("finished") == [
        {"case": order(0, 28)[number_of("leak") - 1], "tests": 2, "wrong": 1, "right": True}
    ]
    assert explorer.says().endswith("So far 0 of 1 patient named at the first attempt, with 2 tests each.")


def test_what_is_left_is_named_only_when_that_is_asked(explorer_page):
    explorer = explorer_page(NAME, patient=number_of("healthy"), ordered=["twins"])
    expect(explorer.root.get_by_text("Excludes leak")).to_have_count(0)
    explorer.root.get_by_label("Say what each test excludes").check()
    expect(explorer.root.get_by_text("1. Twins across the split. Excludes leak")).to_be_visible()
    expect(explorer.root.get_by_text("They leave 5 of 14 diagnoses")).to_be_visible()


def test_the_answer_can_be_shown_and_counts_as_not_named(explorer_page):
    explorer = explorer_page(NAME, patient=number_of("frozen layers"))
    button(explorer, "Show the answer").click()
    expect(explorer.root.get_by_text("The answer: frozen layers.").first).to_be_visible()
    assert [entry["right"] for entry in explorer.trait("finished")] == [False]
    expect(button(explorer, "Show the answer")).to_be_disabled()


def test_the_next_patient_begins_afresh_and_the_tally_goes_on(explorer_page):
    explorer = explorer_page(NAME, patient=number_of("not reshuffled", 1))
    call_it(explorer, "not reshuffled")
    first = explorer.trait("patient")
    button(explorer, "Next patient").click()
    assert explorer.trait("patient") == first % 28 + 1
    assert (explorer.trait("ordered"), explorer.trait("named"), explorer.trait("diagnosis")) == ([], [], "")
    button(explorer, "NaN hunt").click()
    button(explorer, "Show the answer").click()
    assert explorer.says().endswith("So far 1 of 2 patients named at the first attempt, with 0.5 tests each.")
    button(explorer, "Shuffle the ward").click()
    assert (explorer.trait("seed"), explorer.trait("patient"), len(explorer.trait("finished"))) == (1, 1, 2)


def test_the_drawings_say_their_numbers(explorer_page):
    explorer = explorer_page(NAME, patient=number_of("NaN pixels"))
    patient = next(p for p in PATIENTS if p["illness"] == "NaN pixels")
    lost = patient["steps"].index(None) + 1
    drawing = explorer.root.get_by_role("img", name="Loss of the batch")
    assert f"not a number from step {lost} on" in drawing.get_attribute("aria-label")
    expect(explorer.root.get_by_text(f"not a number from step {lost} on", exact=True)).to_be_visible()
    accuracy = explorer.root.get_by_role("img", name="accuracy after each epoch").get_attribute("aria-label")
    assert f"{100 * patient['history']['val_accuracy'][-1]:.0f}." in accuracy


def test_every_patient_of_the_ward_is_shown(explorer_page):
    explorer = explorer_page(NAME, touch=True, width=360)
    for number in range(1, len(PATIENTS) + 1):
        explorer.set(patient=number, shown=True, ordered=["updates", "nan"])
        patient = PATIENTS[order(0, len(PATIENTS))[number - 1]]
        expect(explorer.root.get_by_text(f'clinic.run("{patient["illness"]}", {patient["strength"]:g}')).to_be_visible()
