"""Questions: what a runtime is asked, how often, and when it is left alone."""

from hypothesis import given, strategies as st

from collector.questions import Questions
from tests.unit.collector.fakes import container


def put(questions: Questions, now: float, *, again: bool) -> str:
    """Put the question that is due and return the container's id; empty where none is."""
    question = questions.next(now)
    if question is None:
        return ""
    questions.close(question, now, again=again)
    return question.ref.id


def pauses(questions: Questions) -> list[float]:
    """Go on asking in vain; return how long was waited before each question."""
    now, waited = 0.0, []
    while (wait_s := questions.wait_s(now)) is not None:
        waited.append(wait_s)
        now += wait_s
        assert put(questions, now, again=True)
    return waited


def test_a_container_that_nobody_knows_is_asked_about_for_an_hour():
    """The pauses grow to a minute, and after 64 repeated questions nothing is waited for any more."""
    questions = Questions()
    questions.add(container("web"))

    waited = pauses(questions)

    assert waited[:7] == [0, 5, 10, 20, 40, 60, 60]
    assert max(waited) == 60
    assert len(waited) == 65
    assert 3600 <= sum(waited) < 3700
    assert questions.next(1e9) is None


def test_an_answer_ends_the_questions():
    """Once a runtime has told, or a container is gone, it is not asked about again."""
    questions = Questions()
    questions.add(container("web"))
    assert put(questions, 0, again=True) == "web"
    assert put(questions, 5, again=False) == "web"

    assert questions.wait_s(5) is None


def test_a_repeated_question_waits_for_its_time():
    """Before its time there is nothing to ask, and it is known how long that is."""
    questions = Questions()
    questions.add(container("web"))
    put(questions, 100, again=True)

    assert questions.all_put
    assert put(questions, 104.5, again=True) == ""
    assert questions.wait_s(104.5) == 0.5
    assert put(questions, 105, again=True) == "web"


def test_new_containers_go_first():
    """Those of an outage wait while there are some that were never asked about."""
    questions = Questions()
    questions.add(container("old"))
    put(questions, 0, again=True)
    questions.add(container("a"))
    questions.add(container("b"))

    assert not questions.all_put
    assert questions.wait_s(60) == 0
    assert [put(questions, 60, again=False) for _ in range(4)] == ["a", "b", "old", ""]


def test_a_container_made_again_replaces_the_earlier_one():
    """A name taken again while its earlier container is asked about is asked about once, as it is now."""
    questions = Questions()
    for now in (0, 10):
        questions.add(container("job", image="first"))
        earlier = questions.next(now)
        questions.add(container("job", image="second"))
        questions.close(earlier, now, again=True)
        put(questions, now, again=True)

        later = questions.next(now + 5)
        assert later.ref.image == "second"
        assert questions.all_put

        questions.add(container("job", image="third"))
        questions.close(later, now + 5, again=True)
        assert questions.next(now + 5).ref.image == "third"
        assert put(questions, now + 5, again=False) == "job"
        assert questions.wait_s(now + 5) is None


@given(
    st.lists(st.tuples(st.sampled_from(["", "a", "b", "c"]), st.booleans(), st.floats(0, 100)), max_size=200)
)
def test_whatever_happens_each_container_is_asked_about_and_then_left_alone(steps):
    """In any order of finds, answers and waits, every find is asked about, and all questions end."""
    questions, now, open_ = Questions(), 0.0, 0
    for found, again, passed in steps:
        now += passed
        if found:
            questions.add(container(found))
            open_ += 1
        elif (question := questions.next(now)) is not None:
            open_ -= question.repeats == 0
            questions.close(question, now, again=again)
        assert questions.all_put == (open_ == 0)

    assert len(pauses(questions)) <= open_ + 3 * 65
