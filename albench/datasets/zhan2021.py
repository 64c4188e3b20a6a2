"""The 34 public data files of Zhan et al. (2021), pinned to a commit and by SHA-256.

Svmlight text, in the order of the file, which is part of the published splits; the smaller
label is coded first. `iris`, `wine` and `wdbc` are scikit-learn's copies here; the files of
that name are `zhan-iris`, `zhan-wine` and `zhan-wdbc`.
"""

from collections.abc import Callable

from albench.core.files import File
from albench.core.registry import dataset
from albench.datasets import _cache as parsed
from albench.datasets._cache import obtained
from albench.datasets._dataset import Dataset
from albench.datasets.files import read_svmlight

COMMIT = "c200b4735ab2764bd06359c5b282fc2b48430c5c"
ORIGIN = (
    "https://raw.githubusercontent.com/SineZHAN/ComparativeSurveyIJCAI2021PoolBasedAL/"
    f"{COMMIT}/Dataset/dealeddata/"
)
CITE = "Zhan, Liu, Li and Chan 2021 (IJCAI); from {origin}"

# name, SHA-256, bytes, n, d, classes
FILES = """
appendicitis 50b0bea51c188bd769319150e4b52bdb0b9d9144851bee1babfeac3533236c5f    6122   106   7  2
australian   2cd070cb79b304b9f2397c04799fd49553a57caf5e8a14c13d99622886998e41   71159   690  14  2
banana       5e29d8d1c7ce4333a20db5d1742ec769c5b19ac5c95208ec6b9ea3934df0eaa1  250082  5300   2  2
breast       0e990f7fff974197e2c942d6c54b2316a0e9a6282336846ff19b8cd2ef463e47   43907   478  10  2
checkerboard 248e720e47caa65bad739fa231f6c96f155fc9727829dc9d008663675d104d31   75412  1600   2  2
clean1       5f6fabcba1ae2bc906916beee6a3c39a59c65231c04f8cd40488374418d191d2  977228   476 166  2
d31          aa2da1b924a2243c1ce68a0faaffe2c154e5df9c2a4afbc164b32544ca6afccb  141998  3100   2 31
diabetes     2dca3b76a3d138de239bd5a24ff9703530a74064ae2569e06b3274c0e7262074   68645   768   8  2
ex8a         831d50cfb2ca2b0bb0da551e5baad82be816467db8f6ae97f7039e5356db3fa3   18987   766   2  2
ex8b         6e6e4fd65f665119a320ea42e8eb8106048929641d8e1388bfe5ded743107e54    5588   210   2  2
gcloudb      71a3f5c3bb327cc22b0724fdcd5fd5e6dc08bf26bdc542922e010d52838fa864   46285  1000   2  2
gcloudub     6afa2a61dbcf814da2f29badca27aa61ec3aba4a2e12662322ae8bea54e62e1a   45633  1000   2  2
german       e461161650598fda2988f2a4c3b592634bbcae1c0eec382c94ceda5f30d4dab4  165392  1000  24  2
glass        f2d4cb0b57ce78c411b8c1d1db47e53dba1da4d2016370ca4463295c70ae3bbd   20455   214   9  6
haberman     83577dadf4451e7b163b2fb944273e4a8648b8a73960aa56066a1d5c0ed70bdd    5245   306   3  2
heart        671652b87f81e679315026d3582ff2c6f6d50b4c20e026050a0dc2200a9a7e2f   27940   270  13  2
ionosphere   c4f7fb384c95f758fbc92e06652b952cdf906e28707a5f24ab5b1d691d9296e3  102169   351  34  2
iris         4b6f903a179a3d373880fbc9d06660c8de92b5d4573f9c7a0ec22c463b72e314    6953   150   4  3
mammographic df438dab48f576b2ad85a4aa0d46c811e8bb55622a0f1675b03029dde3220914   20751   830   5  2
parkinsons   aec5103b7edf76c4ad8ef851fc266db3e45d05c0a11810b4b7ae7fff30290d37   96266   195  22  2
phishing     d04532820d4decc40a699f8e3e98a9fd3841934fb11f6704017e4191ae177543 1690332 11055  30  2
phoneme      ac22caf09e9f5fa54c6433d2f9ae59f7682fb1ff3ea0a400a12f324aaeffe17f  607995  5404   5  2
r15          7e102dc07bf9c46ccf266b33a506c6382d21e3af01e509eab78917a0a45fe65c   27524   600   2 15
ringnorm     97e7e9e06a29476858e157e0e1e70d101a0c6a231b9d8a992ca4448968316200 3323382  7400  20  2
seeds        5998b98561260d77e6642121b7490f8adc92939280cdca402b9f1bd3bd02ae1c   32227   210   7  3
sonar        5d820b62d9873f13b283738971b02aef67900fcd98b310c8e77eca3d0dc53daa  156000   208  60  2
spambase     2b402a28eba6efeebed937eb9e68d286f59080b854a49820fede46c284b55846 2799673  4601  57  2
splice       a2d597dff4e95ee6a5e153571b7126b798130e27ed1812b2b892860f55bc8c04  541715  1000  60  2
thyroid      1091df161dbf0dd50c061f96284c353e8fb93b11957958649759cdb3ec66a85a    6994   215   5  3
tictactoe    e2bd8dd47d38e8df822e4c69d9179642eacf064c4ef30a23808f4199c8cd6428  114334   958  18  2
twonorm      bb4e1f034beb93a3d2d57a630259e2d018f264703f64c1033c40d76d26e3ed81 3312146  7400  20  2
vehicle      1c1b4cb16370301bc3e048329826508a710f1e112c3cfaaa7ac85c3a7561e2ef  180522   846  18  4
wdbc         66704dc3f9630f2589f6297e3a75af6b62a2f6db14f2a097c4ee9e4441b57636  385394   569  30  2
wine         7f879aac5750917376ed24f424c735e76cbe5c2573a73203b08f65180d013f97   28115   178  13  3
"""

ORIGINS = {
    "KEEL/UCI-like": "appendicitis banana haberman mammographic phoneme ringnorm twonorm",
    "LIBSVM": "australian breast diabetes german glass heart ionosphere iris sonar splice "
    "vehicle wine",
    "synthetic": "checkerboard gcloudb gcloudub",
    "UCI": "clean1 parkinsons phishing seeds spambase thyroid tictactoe wdbc",
    "synthetic (clustering benchmark)": "d31 r15",
    "synthetic (A. Ng course exercise 8)": "ex8a ex8b",
}

# what is known to be wrong with a file, or to mislead; tests hold each against the file
ORDER = "so its file order is no random order"
SORTED = f"sorted by class, {ORDER}"
ALTERNATE = f"classes alternate row by row, {ORDER}"
REPEAT = "rows repeat the features of another"
DEFECTS = {
    "appendicitis": SORTED,
    "breast": f"478 rows, a balanced part; {ALTERNATE}; 6 {REPEAT}; Lu et al. (2023) ran 683 rows "
    "of another file, so their numbers are not comparable",
    "clean1": SORTED,
    "d31": SORTED,
    "diabetes": "Pima Indians diabetes, withdrawn by UCI; its missing values, zeros before the "
    "scaling, stand as -1: 5, 35, 227, 374 and 11 rows of the second to the sixth feature",
    "ex8a": ALTERNATE,
    "ex8b": ALTERNATE,
    "german": "the version with 24 numeric columns; OpenML 31 has 20 columns, most categorical",
    "glass": SORTED,
    "haberman": f"sorted by age, the first feature, {ORDER}; 23 {REPEAT}",
    "ionosphere": f"classes alternate in most of the first 253 rows, {ORDER}; the second feature "
    "is constant",
    "iris": f"{SORTED}; 3 {REPEAT}; differs from scikit-learn's in scale and in three values of "
    "rows 35 and 38",
    "mammographic": f"311 {REPEAT} (266 the label too), so picks depend on how ties are broken",
    "parkinsons": f"nearly sorted by class (10 blocks), {ORDER}",
    "phishing": f"5270 {REPEAT} (5206 the label too), so picks depend on how ties are broken",
    "phoneme": f"55 {REPEAT}",
    "r15": SORTED,
    "seeds": SORTED,
    "sonar": SORTED,
    "spambase": f"{SORTED}; 394 {REPEAT} (391 the label too)",
    "splice": "the 1000 train rows of LIBSVM with two classes; OpenML 46 has 3190 and three; "
    f"21 {REPEAT}",
    "thyroid": SORTED,
    "tictactoe": f"{SORTED}; the published runs of `tic` used another file, with other labels",
    "wdbc": "equals scikit-learn's but for the scaling of the features (to 1e-14) and the order "
    f"of the classes; the second class is most frequent in the first rows, {ORDER}",
    "wine": f"{SORTED}; equals scikit-learn's but for the scaling of the features (to 2e-6)",
}
TAKEN = ("iris", "wdbc", "wine")


def registered(row: str) -> None:
    """Enter one file under its name."""
    base, sha256, size, n, d, classes = row.split()
    file = File(f"{base}-svmstyle.txt", sha256, f"{ORIGIN}{base}-svmstyle.txt", int(size))
    origin = next(o for o, names in ORIGINS.items() if base in names.split())
    defect = DEFECTS.get(base, "")

    def load() -> Dataset:
        found = parsed.arrays(
            parsed.key("svmlight", sha256, int(d)), lambda: read_svmlight(obtained(file), int(d))
        )
        return Dataset.of(found["X"], found["labels"])

    load.__doc__ = f"{base} as used by Zhan et al. (2021) and Lu et al. (2023), from {origin}."
    if defect:
        load.__doc__ += f"\n\nKnown: {defect}."
    enter: Callable[..., object] = dataset(
        f"zhan-{base}" if base in TAKEN else base,
        cite=CITE.format(origin=origin),
        n=int(n),
        d=int(d),
        classes=int(classes),
        source=file.url,
        file=file,
        known=defect,
        base=base if base in TAKEN else "",
    )
    enter(load)


for line in FILES.strip().splitlines():
    registered(line)
