"""The builders of the files that the package ships.

They run in the folder of the repository and need the extra ``data`` (``pip install -e '.[data]'``):

    python -m tools.icontail_build icontail             # grey drawings, and who drew them
    python -m tools.icontail_build icontail --colour    # the same in colour, which are not shipped
    python -m tools.icontail_build text-embeddings      # of the concepts' names, by MiniLM
    python -m tools.icontail_build noun-list            # of WordNet, for counting captions
    python -m tools.icontail_build web-summary          # of the study's counts of the web
"""
