"""Words for groups of ImageNet's 1,000 classes: "dogs", "buildings". A map of what a layer sees has
regions that no single class names.

The table is our own, by the classes' indices. A class may be in several groups or in none. Two
groups are no kinds of things: "patterns and textures" and "round things" list the classes that are
known by a repeating surface, or by a round outline.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from analysis.classes import Categories

CLASSES = 1000
SPOKEN = 30  # classes that gain most in a cell say what it speaks for

# Great regions, each with the smaller ones inside it. ``8-11`` is a range, both ends included.
_GREAT: dict[str, tuple[str, dict[str, str]]] = {
    "animals": ("0-397", {
        "fish": "0-6 389-397",
        "birds": "7-24 80-100 127-146",
        "frogs and salamanders": "25-32",
        "turtles": "33-37",
        "lizards and crocodiles": "38-51",
        "snakes": "52-68",
        "spiders and scorpions": "70-78",
        "marsupials": "104-106",
        "sea creatures": "107-109 112 115-125 327-329",
        "crabs and lobsters": "118-125",
        "whales and seals": "147-150",
        "dogs": "151-268",
        "wolves and foxes": "269-275 277-280",
        "cats": "281-285",
        "big cats": "286-293",
        "bears": "294-297 388",
        "weasels and mongooses": "298 299 356-362",
        "insects": "300-326",
        "beetles": "300-307",
        "butterflies": "321-326",
        "rabbits and rodents": "330-338",
        "hoofed animals": "339-355",
        "apes, monkeys and lemurs": "365-384",
        "elephants": "101 385 386",
    }),
    "people and clothes": (
        "399 400 411 433 439 443 445 451 452 457 459 461 465 474 490 501 502 514 515 518 524 529"
        " 552 560 568 570 578 584 601 608 610 614 615 617 630 638 639 643 652 655 658 667 678 679"
        " 689 691 697 715 735 770 774 775 793 796 806 808 824 834 836 837 841 842 869 887 903 906"
        " 981-983", {
            "hats and helmets": "433 439 452 515 518 560 667 715 793 808",
            "shoes": "502 514 630 770 774",
            "swimwear": "433 445 638 639 842",
            "suits and ties": "451 457 652 834 906 982",
        }),
    "buildings": (
        "406 410 425 437 442 448 449 483 489 497 498 500 525 536 538 540 562 580 634 649 660 663"
        " 668 682 698 706 716 718 727 743 821 825 832 839 853 858 863 873 884 888 900 912 915", {
            "churches, mosques and temples": "406 442 497 538 663 668 832 884",
            "bridges": "821 839 888",
            "towers and monuments": "437 649 682 863 873 900",
            "fences and walls": "489 716 825 912",
        }),
    "shops and halls": (
        "415 424 454 467 495 498 509 582 598 624 762 788 819 854 860 865", {}),
    "vehicles": (
        "403-405 407 408 417 428 436 444 450 466 468 472 475 479 484 510 511 535 537 547 554 555"
        " 561 565 569 573 575 576 581 586 595 603 609 612 621 625 627 628 654 656 657 661 665 670"
        " 671 675 690 705 717 724 730 734 751 757 779 780 802 803 812 814 817 820 829 833 847 856"
        " 864 866 867 870 871 874 880 895 908 913 914", {
            "cars": "407 436 468 475 479 511 581 609 627 656 661 717 734 751 817",
            "trucks and buses": "555 569 586 654 675 734 757 779 803 864 867 874",
            "trains and trams": "466 547 565 705 820 829",
            "ships and boats": "403 472 484 510 554 576 625 628 724 780 814 833 871 913 914",
            "aircraft": "404 405 417 657 812 895 908",
            "bicycles and motorcycles": "444 665 670 671 870 880",
            "farm machines": "595 621 730 856 866",
        }),
    "landscapes": ("970 972-980", {}),
    "plants and fungi": ("738 936-958 984-998", {
        "flowers": "984-986",
        "fungi": "947 991-997",
    }),
    "food and drink": ("924-957 959-967 969 987 998", {
        "fruit": "948-957",
        "vegetables": "936-946 987",
        "dishes": "924-926 933-935 959 962-965",
        "sweets and bread": "927-932 960 961",
    }),
    "household things": (
        "412 418 419 421 423 427 431 434 435 438 440 441 453 462 463 469 470 473 478 492 493 495"
        " 499 503-505 512 516 519-521 526 532-534 539 544 545 548 550 551 553 556 559 564 567 572"
        " 585 588 589 591 606 618 619 626 629 631 647 648 651 653 659 666 674 680 692 700 703 709"
        " 711 719-721 725 728 729 731 736 737 741 750 753 756 760 765 766 773 786 790 794 799 804"
        " 809 811 813 827 828 831 838 846 849 850 857 859 861 862 868 876 882 883 891 894 896-899"
        " 901 904 905 907 909 910 923 968 999", {
            "furniture": "423 431 453 492 493 495 516 520 526 532 548 553 559 564 648 703 736 765"
            " 831 857 894",
            "kitchen things": "469 473 499 503-505 521 534 544 550 567 618 647 651 659 666 729 760"
            " 766 773 809 813 827 828 849 859 868 891 909 910 923 968",
            "bottles and vessels": "438 440 441 572 585 631 653 711 720 725 737 838 883 898 899 901"
            " 907",
            "lamps and candles": "470 619 626 846 862",
        }),
    "bags": ("414 636 728 748 893", {}),
    "musical instruments": (
        "401 402 420 432 486 494 513 541 546 558 566 577 579 593 594 641 642 683 684 687 699 776"
        " 822 875 881 889", {
            "stringed instruments": "402 420 486 546 594 889",
            "wind instruments": "432 513 558 566 593 683 684 699 776 875",
        }),
    "electronics": (
        "480-482 485 487 508 527 528 530 531 548 590 592 605 613 620 632 650 662 664"
        " 673 681 688 707 713 732 742 745 754 759 761 782 810 848 851 878", {
            "screens and computers": "508 527 548 590 620 664 673 681 782 810 851 878",
            "cameras and projectors": "732 745 759",
        }),
    "tools and weapons": (
        "413 456 462 471 473 477 491 499 512 587 596 597 606 623 626 677 714 726 731 740 744 763"
        " 764 769 772 777 783 784 792 798", {
            "guns": "413 471 763 764",
        }),
    "sports": (
        "416 422 429 430 450 522 543 574 602 693 701 702 722 746 747 752 768 795 801 805 852 890"
        " 981", {
            "balls": "429 430 522 574 722 768 805 852 890",
        }),
    "print and signs": ("446 549 781 916-922", {}),
    "patterns and textures": (
        "109 434 489 490 506 533 539 581 591 599 611 640 646 669 716 741 750 753 794 815 825"
        " 828 853 858 885 904 905 911 912 918", {
            "nets and grids": "489 490 581 599 669 815 828 904 918",
            "cloth and wool": "434 533 539 591 741 750 794 885 911",
        }),
    "round things": (
        "409 426 429 430 455 479 506 522 531 535 541 574 577 592 622 635 640 685 694 712 722 723"
        " 739 746 787 805 807 822 826 835 852 890 892 923 971", {
            "clocks and dials": "409 426 531 635 685 826 835 892",
        }),
}  # fmt: skip


@dataclass(frozen=True)
class Group:
    """A word for some classes (indices, ascending). ``great``: one of the regions of a whole map,
    as "animals"; ``within``: the great one that it was listed in."""

    word: str
    classes: tuple[int, ...]
    great: bool
    within: str | None


def groups(categories: Categories) -> tuple[Group, ...]:
    """The groups of a network's classes; none where these are not ImageNet's."""
    return imagenet_groups() if categories.is_imagenet else ()


@cache
def imagenet_groups() -> tuple[Group, ...]:
    """The table, great ones before those inside them."""
    found = []
    for word, (own, inside) in _GREAT.items():
        found.append(Group(word, _indices(own), great=True, within=None))
        found += [Group(name, _indices(v), great=False, within=word) for name, v in inside.items()]
    return tuple(found)


def shares(effects: NDArray[np.floating], count: NDArray[np.integer]) -> NDArray[np.float32]:
    """(n, groups): the part of what sets each of n cells apart that is a group's. What sets a cell
    apart: the classes for which it speaks most beyond the map's mean, by how much. ``effects`` (n,
    classes): mean effects; ``count`` (n,): samples.

    On the two atlases of the reference photographs this agrees better with what the network answers
    on the cells' own pictures than the largest effects as they are: some classes gain everywhere.
    """
    own = np.asarray(effects, np.float32)
    apart = own - np.average(own, axis=0, weights=np.maximum(count, 1)).astype(np.float32)
    top = np.argpartition(-apart, SPOKEN, axis=1)[:, :SPOKEN]
    gains = np.maximum(0, np.take_along_axis(apart, top, 1))
    found = np.einsum("nk,nkg->ng", gains, _members()[top])
    shared: NDArray[np.float32] = found / np.maximum(gains.sum(axis=1, keepdims=True), 1e-12)
    return shared.astype(np.float32)


def evidence(effects: NDArray[np.floating], group: Group) -> NDArray[np.float32]:
    """(n,): how much more cells speak for a group's classes than for classes at large, in logits:
    the mean effect on its classes minus that on all. ``effects``: (n, classes)."""
    own = np.asarray(effects, np.float32)
    found: NDArray[np.float32] = own[:, list(group.classes)].mean(axis=1) - own.mean(axis=1)
    return found


@cache
def _members() -> NDArray[np.float32]:
    """(classes, groups): 1 where a class is in a group."""
    out = np.zeros((CLASSES, len(imagenet_groups())), np.float32)
    for number, group in enumerate(imagenet_groups()):
        out[list(group.classes), number] = 1
    return out


def _indices(text: str) -> tuple[int, ...]:
    found: set[int] = set()
    for part in text.split():
        first, _, last = part.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    return tuple(sorted(found))
