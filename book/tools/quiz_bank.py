"""The questions of the lessons for other readers than the book: Markdown, and QTI 2.1.

`IMS QTI 2.1 <https://www.imsglobal.org/question/qtiv2p1/imsqti_implv2p1.html>`_ is what learning
platforms exchange questions in: one ``assessmentItem`` for each question, one ``assessmentTest``
for each lesson, and ``imsmanifest.xml``, which names them all. Formulas are written as text.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import Element, SubElement

import plain
import quizzes

from lt_course.errors import CourseError

QTI = "http://www.imsglobal.org/xsd/imsqti_v2p1"
PACKAGE = "http://www.imsglobal.org/xsd/imscp_v1p1"
INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
SCHEMAS = {
    QTI: "http://www.imsglobal.org/xsd/qti/qtiv2p1/imsqti_v2p1.xsd",
    PACKAGE: "http://www.imsglobal.org/xsd/qti/qtiv2p1/qtiv2p1_imscpv1p2_v1p0.xsd",
}
LETTERS = "abcd"


def questions(stem: str) -> list[dict[str, Any]]:
    """The questions of the lesson ``notebooks/STEM``; raise if its file is not whole."""
    found, problems = quizzes.read(quizzes.folder(plain.ROOT) / f"{stem[3:]}.toml")
    if problems:
        raise CourseError(problems[0])
    return found


def sheet(stem: str) -> str:
    """The questions of a lesson as Markdown: choices, the right one in bold, and reasons."""
    document, target = f"notebooks/{stem}", f"quizzes/{stem}.md"

    def line(text: str) -> str:
        return " ".join(plain.markdown(text, document, target).split())

    lines = [f"# Questions: {plain.title(document)}"]
    for number, question in enumerate(questions(stem), start=1):
        lines += ["", f"**{number}.** {line(question['text'])}", ""]
        for letter, choice in zip(LETTERS, question["choice"], strict=False):
            right = choice.get("right", False)
            text, reason = line(choice["text"]), line(choice["reason"])
            lines.append(f"- ({letter}) {text}{' **← right**' if right else ''}")
            lines.append(f"  *{'Right' if right else 'Wrong'}.* {reason}")
    return "\n".join([*lines, ""])


def package(stems: list[str]) -> Iterator[tuple[str, str]]:
    """Names and texts of the files of a QTI package with the questions of these lessons."""
    manifest = _root("manifest", PACKAGE, identifier="long-tail-course")
    metadata = SubElement(manifest, "metadata")
    SubElement(metadata, "schema").text = "QTIv2.1 Package"
    SubElement(metadata, "schemaversion").text = "1.0.0"
    SubElement(manifest, "organizations")
    resources = SubElement(manifest, "resources")
    for stem in stems:
        items = {f"{stem[3:]}-{n}": q for n, q in enumerate(questions(stem), start=1)}
        yield f"{stem}.xml", _text(_test(stem, list(items)))
        test = _resource(resources, "test", stem[3:], f"{stem}.xml")
        for identifier, question in items.items():
            SubElement(test, "dependency", identifierref=identifier)
            yield f"{identifier}.xml", _text(_item(stem, identifier, question))
            _resource(resources, "item", identifier, f"{identifier}.xml")
    yield "imsmanifest.xml", _text(manifest)


def _item(stem: str, identifier: str, question: dict[str, Any]) -> Element:
    """One question; whichever choice is taken, its reason is shown."""
    document = f"notebooks/{stem}"
    choices = dict(zip(LETTERS, question["choice"], strict=False))
    (right,) = (letter for letter, choice in choices.items() if choice.get("right"))
    item = _root(
        "assessmentItem",
        QTI,
        identifier=identifier,
        title=f"{plain.title(document)}, question {identifier.rpartition('-')[2]}",
        adaptive="false",
        timeDependent="false",
    )
    response = _variable(item, "responseDeclaration", "RESPONSE", "identifier")
    SubElement(SubElement(response, "correctResponse"), "value").text = right
    score = _variable(item, "outcomeDeclaration", "SCORE", "float")
    SubElement(SubElement(score, "defaultValue"), "value").text = "0"
    _variable(item, "outcomeDeclaration", "FEEDBACK", "identifier")

    # The order of the choices is the book's, so that a class can speak of "b".
    interaction = SubElement(
        SubElement(item, "itemBody"),
        "choiceInteraction",
        responseIdentifier="RESPONSE",
        shuffle="false",
        maxChoices="1",
    )
    SubElement(interaction, "prompt").text = plain.words(question["text"], document)
    for letter, choice in choices.items():
        text = plain.words(choice["text"], document)
        SubElement(interaction, "simpleChoice", identifier=letter).text = text

    processing = SubElement(item, "responseProcessing")
    matched = SubElement(SubElement(processing, "responseCondition"), "responseIf")
    match = SubElement(matched, "match")
    SubElement(match, "variable", identifier="RESPONSE")
    SubElement(match, "correct", identifier="RESPONSE")
    scored = SubElement(matched, "setOutcomeValue", identifier="SCORE")
    SubElement(scored, "baseValue", baseType="float").text = "1"
    told = SubElement(processing, "setOutcomeValue", identifier="FEEDBACK")
    SubElement(told, "variable", identifier="RESPONSE")

    for letter, choice in choices.items():
        feedback = SubElement(
            item, "modalFeedback", outcomeIdentifier="FEEDBACK", showHide="show", identifier=letter
        )
        verdict = "Right." if letter == right else "Wrong."
        feedback.text = f"{verdict} {plain.words(choice['reason'], document)}"
    return item


def _test(stem: str, items: list[str]) -> Element:
    """The questions of one lesson, a point each."""
    title = plain.title(f"notebooks/{stem}")
    test = _root("assessmentTest", QTI, identifier=stem[3:], title=title)
    _variable(test, "outcomeDeclaration", "SCORE", "float")
    part = SubElement(
        test,
        "testPart",
        identifier="questions",
        navigationMode="nonlinear",
        submissionMode="individual",
    )
    SubElement(part, "itemSessionControl", showFeedback="true")
    section = SubElement(
        part, "assessmentSection", identifier="lesson", title=title, visible="true"
    )
    for identifier in items:
        href = f"{identifier}.xml"
        SubElement(section, "assessmentItemRef", identifier=identifier, href=href)
    processing = SubElement(test, "outcomeProcessing")
    total = SubElement(SubElement(processing, "setOutcomeValue", identifier="SCORE"), "sum")
    SubElement(total, "testVariables", variableIdentifier="SCORE")
    return test


def _resource(resources: Element, kind: str, identifier: str, href: str) -> Element:
    resource = SubElement(
        resources, "resource", identifier=identifier, type=f"imsqti_{kind}_xmlv2p1", href=href
    )
    SubElement(resource, "file", href=href)
    return resource


def _variable(parent: Element, kind: str, identifier: str, base: str) -> Element:
    return SubElement(parent, kind, identifier=identifier, cardinality="single", baseType=base)


def _root(kind: str, namespace: str, **attributes: str) -> Element:
    """A document's element; its children, without a prefix, are in the same namespace."""
    location = f"{namespace} {SCHEMAS[namespace]}"
    known = {"xmlns": namespace, "xmlns:xsi": INSTANCE, "xsi:schemaLocation": location}
    return Element(kind, {**known, **attributes})


def _text(root: Element) -> str:
    ElementTree.indent(root)
    body = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'
